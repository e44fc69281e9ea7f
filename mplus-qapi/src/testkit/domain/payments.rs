//! Payment methods.

use crate::{
    payments::*,
    testkit::{
        brasserie,
        dialect::UnknownNumbers,
        domain::operations::{Answer, Operations},
        state::State,
    },
    types::{Payment, PaymentMethod, PaymentMethodType},
    value::Decimal,
};

pub(super) fn register(operations: &mut Operations) {
    operations.on(|_, _: GetPaymentMethods| Ok(all()));
    operations.on(get_payment_methods_v2);
    operations.on(|_, _: GetAvailablePaymentMethods| Ok(available()));
    operations.on(|_, _: GetAvailablePaymentMethodsV2| Ok(available()));
}

fn methods() -> impl Iterator<Item = PaymentMethod> {
    brasserie::PAYMENT_METHODS.into_iter().zip(1..).map(|((method, description, webhook), number)| {
        PaymentMethod {
            method: method.to_owned(),
            description: description.to_owned(),
            button_text: description.to_owned(),
            allow_negative_amount: true,
            active: Some(true),
            r#type: Some(match method {
                "PIN" => PaymentMethodType::Eft,
                _ => PaymentMethodType::Payment,
            }),
            account_number: Some(1000 + number),
            has_external_payment_webhook: Some(webhook),
            ..PaymentMethod::default()
        }
    })
}

fn all() -> GetPaymentMethodsResponse {
    GetPaymentMethodsResponse { payment_method_list: methods().collect() }
}

fn available() -> GetAvailablePaymentMethodsResponse {
    GetAvailablePaymentMethodsResponse { payment_method_list: methods().collect() }
}

fn get_payment_methods_v2(
    _: &mut State,
    GetPaymentMethodsV2 { request }: GetPaymentMethodsV2,
) -> Answer<GetPaymentMethodsResponse> {
    let wanted = |method: &PaymentMethod| {
        let kinds = &request.payment_method_types;
        (kinds.is_empty() || method.r#type.as_ref().is_some_and(|kind| kinds.contains(kind)))
            && request.account_number.is_none_or(|number| method.account_number == Some(number))
    };
    Ok(GetPaymentMethodsResponse { payment_method_list: methods().filter(wanted).collect() })
}

impl State {
    /// What these payments come to in euros, if the POS takes their methods.
    pub(super) fn payments_total(&self, payments: &[Payment]) -> Result<Decimal, String> {
        for payment in payments {
            if self.refused_methods.contains(&payment.method) {
                return Err(format!("Payment method {} is not taken now.", payment.method));
            }
            if self.dialect.unknown_numbers == UnknownNumbers::Refused
                && !brasserie::PAYMENT_METHODS.iter().any(|(method, ..)| *method == payment.method)
            {
                return Err(format!("There is no payment method {}.", payment.method));
            }
        }
        Ok(payments.iter().map(|payment| payment.amount).sum())
    }
}
