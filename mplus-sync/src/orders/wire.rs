//! A draft in the types of the POS's operations.

use chrono::{DateTime, TimeDelta, Utc};
use mplus_qapi::table_orders::{PlaceTableOrderPaymentElem, PlaceTableOrderReq, TableOrderIdentifierElem};
use mplus_qapi::types::{
    Address, Line, LineData, LineType, Order, OrderType, Payment, PlaceTableOrderLineDataElem,
    PlaceTableOrderLineElem, VatChange, VatMethod,
};
use mplus_qapi::value::{SoapMplusDate, SoapMplusDateTime, Zone};

use crate::model::{OrderKind, PostalAddress, RelationNumber};
use crate::text::plain;

use super::{Consumption, DraftLine, DraftPayment, OrderDraft, OrderSettings};

impl OrderDraft {
    /// The draft as `createOrder`, `createOrderV3`, `saveTableOrder` and `createAndPayTableOrder` take it, without its
    /// payments.
    pub fn to_order(&self, relation: RelationNumber, settings: &OrderSettings) -> Order {
        let zone = settings.zone;
        let mut order = Order {
            ext_order_id: Some(self.number.to_string()),
            order_type: Some(OrderType::SalesOrder),
            entry_branch_number: Some(self.branch.get()),
            financial_branch_number: Some(self.branch.get()),
            workplace_number: Some(self.workplace),
            employee_number: Some(self.employee),
            relation_number: Some(relation.get()),
            financial_date: Some(date(self.placed_at, zone)),
            // Staff look for an order by it, and a POS may ask for one; that of a table is its table's.
            reference: self.note.clone().or_else(|| self.table().is_none().then(|| self.number.to_string())),
            vat_method: Some(VatMethod::Inclusive),
            vat_change: self.consumption.map(vat_change),
            line_list: self.lines.iter().map(|line| self.order_line(line)).collect::<Vec<_>>().into(),
            ..Order::default()
        };
        match &self.kind {
            OrderKind::Pickup => order.delivery_method = settings.pickup_method.clone(),
            OrderKind::Delivery { address } => {
                order.delivery_method = settings.delivery_method.clone();
                order.delivery_address = Some(delivery_address(address, self.contact.as_deref()));
            }
            OrderKind::DineInPayLater { table, guests } | OrderKind::DineInPayNow { table, guests } => {
                order.order_type = Some(OrderType::TableOrder);
                order.table_number = Some(table.number);
                order.table_sub_number = Some(table.sub_number);
                order.number_of_guests = *guests;
            }
        }
        if let Some(at) = self.requested_at {
            order.delivery_date = Some(date(at, zone));
            order.delivery_period_begin = Some(SoapMplusDateTime::from_instant(at, zone));
            order.delivery_period_end = Some(SoapMplusDateTime::from_instant(at + SLOT, zone));
        }
        order
    }

    /// The draft's payments, in cents on the wire.
    pub fn to_payments(&self) -> Vec<Payment> {
        self.payments.iter().map(|payment| order_payment(self, payment)).collect()
    }

    /// The draft as `placeTableOrder` takes it; none for an order without a table.
    ///
    /// The operation has no field for the host's order number: a line of text names it.
    pub fn to_place_table_order(
        &self,
        relation: RelationNumber,
        key: String,
        settings: &OrderSettings,
    ) -> Option<PlaceTableOrderReq> {
        let (OrderKind::DineInPayLater { table, guests } | OrderKind::DineInPayNow { table, guests }) =
            &self.kind
        else {
            return None;
        };
        let mut lines: Vec<_> = self.lines.iter().map(|line| self.table_line(line)).collect();
        lines.push(text_line(self.number.to_string()));
        lines.extend(self.note.clone().map(text_line));
        Some(PlaceTableOrderReq {
            idempotency_key: key,
            table_order_identifier: TableOrderIdentifierElem {
                branch_number: self.branch.get(),
                table_number: table.number,
                table_sub_number: Some(table.sub_number),
                ..TableOrderIdentifierElem::default()
            },
            employee_number: self.employee,
            workplace_number: self.workplace,
            number_of_guests: *guests,
            relation_number: Some(relation.get()),
            vat_change: self.consumption.map(vat_change),
            lines,
            payments: self.payments.iter().map(table_payment).collect(),
            delivery_period_begin: self.requested_at.map(|at| settings.zone.local(at).into()),
            ..PlaceTableOrderReq::default()
        })
    }

    fn order_line(&self, line: &DraftLine) -> Line {
        Line {
            // The element is required; zero is how a line without an article is written.
            article_number: line.article.map_or(0, |article| article.get()),
            text: line.text.clone(),
            data: Some(LineData {
                quantity: line.quantity,
                price: Some(line.unit_price),
                menu_id: line.menu.as_ref().and_then(|menu| menu.menu.clone()),
                menu_lines_id: line.menu.as_ref().map(|menu| menu.lines.clone()),
                ..LineData::default()
            }),
            course_number: line.course.map(|course| course.get()),
            article_alteration_id: line.alteration,
            suppress_disposable_component: self.without_disposables(),
            preparation_list: match line.preparations.is_empty() {
                true => Default::default(),
                false => {
                    let preparation =
                        |line| Line { line_type: Some(LineType::Preparation), ..self.order_line(line) };
                    line.preparations.iter().map(preparation).collect::<Vec<_>>().into()
                }
            },
            ..Line::default()
        }
    }

    fn table_line(&self, line: &DraftLine) -> PlaceTableOrderLineElem {
        let preparation = |line| PlaceTableOrderLineElem {
            line_type: Some(LineType::Preparation),
            ..self.table_line(line)
        };
        PlaceTableOrderLineElem {
            article_number: line.article.map(|article| article.get()),
            text: line.text.clone(),
            data: Some(PlaceTableOrderLineDataElem {
                quantity: line.quantity.into(),
                price_incl: Some(line.unit_price.into()),
                menu_id: line.menu.as_ref().and_then(|menu| menu.menu.clone()),
                menu_lines_id: line.menu.as_ref().map(|menu| menu.lines.clone()),
                course_number: line.course.map(|course| course.get()),
                ..PlaceTableOrderLineDataElem::default()
            }),
            suppress_disposable_component: self.without_disposables(),
            preparation_list: line.preparations.iter().map(preparation).collect(),
            article_alteration_id: line.alteration,
            ..PlaceTableOrderLineElem::default()
        }
    }

    /// An order that tells where it is eaten may be given disposables, which are not in what the guest has paid.
    fn without_disposables(&self) -> Option<bool> {
        self.consumption.is_some().then_some(true)
    }
}

fn vat_change(consumption: Consumption) -> VatChange {
    match consumption {
        Consumption::TakeOut => VatChange::TakeOut,
        Consumption::EatHere => VatChange::EatHere,
    }
}

/// How long the period lasts in which an order is expected.
const SLOT: TimeDelta = TimeDelta::minutes(15);

fn date(at: DateTime<Utc>, zone: Zone) -> SoapMplusDate {
    zone.local(at).date_naive().into()
}

fn order_payment(draft: &OrderDraft, payment: &DraftPayment) -> Payment {
    Payment {
        branch_number: Some(draft.branch.get()),
        workplace_number: Some(draft.workplace),
        employee_number: Some(draft.employee),
        method: payment.method.clone(),
        amount: payment.amount,
        external_reference: payment.reference.clone(),
        ..Payment::default()
    }
}

fn delivery_address(address: &PostalAddress, contact: Option<&str>) -> Address {
    Address {
        name: contact.map(str::to_owned),
        contact: contact.map(str::to_owned),
        address: text(&address.street),
        zipcode: text(&address.postcode),
        city: text(&address.city),
        country: text(&address.country),
        ..Address::default()
    }
}

fn text(text: &Option<String>) -> Option<String> {
    text.as_deref().map(|text| plain(text).into_owned())
}

fn text_line(text: String) -> PlaceTableOrderLineElem {
    PlaceTableOrderLineElem { text: Some(text), ..PlaceTableOrderLineElem::default() }
}

fn table_payment(payment: &DraftPayment) -> PlaceTableOrderPaymentElem {
    PlaceTableOrderPaymentElem {
        method: payment.method.clone(),
        amount: payment.amount.into(),
        ..PlaceTableOrderPaymentElem::default()
    }
}
