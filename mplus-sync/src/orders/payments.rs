//! The POS's payment methods.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use mplus_qapi::payments::{
    GetAvailablePaymentMethodsV2, GetAvailablePaymentMethodsV2Request, GetPaymentMethods, GetPaymentMethodsV2,
};
use mplus_qapi::types::{PaymentMethod as PosMethod, WorkplaceIdentifier};

use crate::model::{Order, PaymentMethod};
use crate::pos_call::is_no_answer;

use super::{OrderService, Problem};

/// How long the POS's list of payment methods is trusted.
const TRUSTED: TimeDelta = TimeDelta::hours(1);

/// What the POS said of its payment methods, and when.
#[derive(Clone)]
pub(super) struct PaymentMethods {
    /// None when no call of the POS lists them, the list is empty, or it is refused: somebody who may not see them is told none.
    listed: Option<Arc<Listed>>,
    read_at: DateTime<Utc>,
}

/// The POS's active payment methods.
#[derive(Debug)]
pub(crate) struct Listed {
    /// Descriptions by code.
    pub(crate) by_code: BTreeMap<String, String>,
    /// Whether these are all; a service without the call for it lists those of one workplace.
    pub(crate) is_whole: bool,
}

/// A code of the POS that a payment method of the host is likely to be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PaymentSuggestion {
    /// The host's payment method.
    pub method: PaymentMethod,
    /// The POS's code.
    pub code: String,
    /// What the POS calls it.
    pub description: String,
}

impl OrderService {
    /// The usual Dutch and Belgian payment methods as the POS's own list has them, for a person to confirm: at most one code
    /// for each. Empty when the POS lists none.
    ///
    /// # Errors
    /// When the POS cannot be asked.
    pub async fn suggest_payment_codes(&self) -> Result<Vec<PaymentSuggestion>, mplus_qapi::Error> {
        let listed = self.payment_methods(true).await?;
        Ok(listed.map(|listed| suggestions(&listed.by_code)).unwrap_or_default())
    }

    /// Payment methods whose codes the POS does not have. A POS that lists none is taken at the settings' word.
    pub(super) async fn unknown_payments(&self, order: &Order) -> Result<Vec<Problem>, mplus_qapi::Error> {
        let mapped: Vec<_> = order
            .payments
            .iter()
            .filter(|payment| !payment.amount.is_zero())
            .filter_map(|payment| Some((&payment.method, self.settings.payment_code(&payment.method)?)))
            .collect();
        if mapped.is_empty() {
            return Ok(Vec::new());
        }
        let Some(mut listed) = self.methods_if_told(false).await? else { return Ok(Vec::new()) };
        if mapped.iter().any(|(_, code)| !listed.by_code.contains_key(*code)) {
            // It may have been added since the list was read.
            let Some(read) = self.methods_if_told(true).await? else { return Ok(Vec::new()) };
            listed = read;
        }
        if !listed.is_whole {
            return Ok(Vec::new());
        }
        let unknown = mapped.into_iter().filter(|(_, code)| !listed.by_code.contains_key(*code));
        Ok(unknown
            .map(|(method, code)| Problem::PaymentUnknown { method: method.clone(), code: code.to_owned() })
            .collect())
    }

    /// The same for an order that is about to be sent: that the POS does not tell its methods to this user, or not so that they
    /// can be read, must not keep orders from it.
    async fn methods_if_told(&self, anew: bool) -> Result<Option<Arc<Listed>>, mplus_qapi::Error> {
        match self.payment_methods(anew).await {
            Err(error) if is_no_answer(&error) => {
                self.remember(None);
                Ok(None)
            }
            answer => answer,
        }
    }

    fn remember(&self, listed: Option<Arc<Listed>>) {
        let read_at = self.merchant.runtime().now();
        *self.methods.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(PaymentMethods { listed, read_at });
    }

    /// The POS's active payment methods; none when no call lists them, or the list is empty.
    pub(crate) async fn payment_methods(&self, anew: bool) -> Result<Option<Arc<Listed>>, mplus_qapi::Error> {
        let now = self.merchant.runtime().now();
        let known = self.methods.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| !anew && now - known.read_at < TRUSTED) {
            return Ok(known.listed);
        }
        let listed = self.list_payment_methods().await?.map(|(methods, is_whole)| {
            let active = methods.into_iter().filter(|method| method.active != Some(false));
            let by_code = active.map(|method| (method.method, method.description)).collect();
            Arc::new(Listed { by_code, is_whole })
        });
        let listed = listed.filter(|listed| !listed.by_code.is_empty());
        self.remember(listed.clone());
        Ok(listed)
    }

    /// Asks with the newest call that the POS knows, which lists all or those of one workplace; none when it knows none.
    async fn list_payment_methods(&self) -> Result<Option<(Vec<PosMethod>, bool)>, mplus_qapi::Error> {
        let timeout = Some(self.timeout());
        let newest = GetPaymentMethodsV2::default();
        if let Some(response) = self.lacking.call(newest, timeout).await? {
            return Ok(Some((response.payment_method_list, true)));
        }
        if let Some(response) = self.lacking.call(GetPaymentMethods::default(), timeout).await? {
            return Ok(Some((response.payment_method_list, true)));
        }
        // This one tells those of a workplace.
        let places = self.settings.locations.values().filter_map(|location| location.workplace);
        let Some(workplace_number) = places.into_iter().next() else { return Ok(None) };
        let workplace = WorkplaceIdentifier { workplace_number, ..WorkplaceIdentifier::default() };
        let request = GetAvailablePaymentMethodsV2Request { workplace, ..Default::default() };
        let available = GetAvailablePaymentMethodsV2::from(request);
        let response = self.lacking.call(available, timeout).await?;
        Ok(response.map(|response| (response.payment_method_list, false)))
    }
}

/// How the usual methods are called, the surest word first.
const USUAL: [(PaymentMethod, &[&str]); 6] = [
    (PaymentMethod::Ideal, &["ideal"]),
    (PaymentMethod::Bancontact, &["bancontact", "mister cash", "mistercash"]),
    (PaymentMethod::Cash, &["contant", "cash", "kontant"]),
    (PaymentMethod::Card, &["pin", "creditcard", "credit card", "kaart", "maestro", "visa"]),
    (PaymentMethod::GiftCard, &["cadeaukaart", "cadeaubon", "giftcard", "gift card", "kadobon"]),
    (PaymentMethod::VivaWallet, &["viva"]),
];

fn suggestions(listed: &BTreeMap<String, String>) -> Vec<PaymentSuggestion> {
    let usual = USUAL.iter().filter_map(|(method, words)| {
        let found = words.iter().find_map(|word| listed.iter().find(|known| is_called(known, word)))?;
        let (code, description) = (found.0.clone(), found.1.clone());
        Some(PaymentSuggestion { method: method.clone(), code, description })
    });
    usual.collect()
}

/// Whether a code or description is a word, or has it as a word of its own.
fn is_called((code, description): &(&String, &String), word: &str) -> bool {
    [code, description].into_iter().any(|text| {
        let text = text.to_lowercase();
        let words = format!(" {} ", text.replace(|char: char| !char.is_alphanumeric(), " "));
        words.contains(&format!(" {word} "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_methods_are_found_by_code_or_description_and_never_within_a_word() {
        let listed = [
            ("CONTANT", "Contant"),
            ("K_1", "iDEAL via webshop"),
            ("PIN", "Pin"),
            ("K_2", "Bancontact/Mister Cash"),
            ("SPINNING", "Spinning"),
        ];
        let listed = listed.map(|(code, text)| (code.to_owned(), text.to_owned())).into();
        let found = suggestions(&listed);
        let found: Vec<_> = found.iter().map(|found| (&found.method, found.code.as_str())).collect();
        assert_eq!(
            found,
            [
                (&PaymentMethod::Ideal, "K_1"),
                (&PaymentMethod::Bancontact, "K_2"),
                (&PaymentMethod::Cash, "CONTANT"),
                (&PaymentMethod::Card, "PIN")
            ]
        );
    }
}
