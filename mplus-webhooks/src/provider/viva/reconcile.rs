//! Checks of the account and its terminal, and the payments of a day.

use chrono::NaiveDate;
use http::{Method, StatusCode};
use rust_decimal::Decimal;
use serde_json::json;

use super::refund::REFUND;
use super::{Viva, VivaMode};
use crate::event::json::{Fields, RawJson};
use crate::payment::{ProviderCheck, ProviderError, ProviderRecord};
use crate::provider::call::{detail, euros};

impl Viva {
    pub(super) async fn check_account(&self) -> Result<ProviderCheck, ProviderError> {
        let mut check = ProviderCheck::default();
        match &self.mode {
            VivaMode::Terminal { terminal_id, .. } => {
                let search = match &self.isv {
                    Some(isv) => json!({ "merchantId": isv.merchant_id }),
                    None => json!({}),
                };
                let path = self.terminal_api("/devices:search");
                let answer = self.new_api(Method::POST, &path, Some(search), &[]).await?;
                let devices = self.list(&answer, &["devices"])?;
                let status = devices.iter().find_map(|device| device_status(device, terminal_id));
                // Live or ready; a terminal may be switched off all the same.
                check.terminal_ready = Some(matches!(status, Some(Some(1 | 2))));
                match status {
                    None => check.remarks.push(format!("the account has no terminal {terminal_id}")),
                    Some(Some(1 | 2)) => {}
                    Some(status) => {
                        let status = status.map_or("unknown".to_owned(), |status| status.to_string());
                        check
                            .remarks
                            .push(format!("terminal {terminal_id} is not live, its status is {status}"));
                    }
                }
            }
            VivaMode::Checkout { .. } => {
                self.token().await?;
                self.old_api(Method::GET, "/api/messages/config/token", &[]).await?;
            }
        }
        check.accepted = Some(true);
        Ok(check)
    }

    /// The payments of a UTC day. Viva's days are those of the account's zone, which it does not tell, so the days beside it are read
    /// as well.
    pub(super) async fn records_of(&self, day: NaiveDate) -> Result<Vec<ProviderRecord>, ProviderError> {
        let (mut records, mut found) = (Vec::new(), false);
        for listed in [Some(day), day.pred_opt(), day.succ_opt()].into_iter().flatten() {
            let beside = listed != day;
            let of_day = self.records_listed_on(listed).await?;
            found |= of_day.is_some();
            let of_day = of_day.into_iter().flatten();
            records.extend(of_day.map(|record| ProviderRecord { beside, ..record }));
        }
        if found { Ok(records) } else { Err(self.lists_nothing()) }
    }

    /// The payments of one of Viva's days; `None` when the day is not found.
    async fn records_listed_on(&self, day: NaiveDate) -> Result<Option<Vec<ProviderRecord>>, ProviderError> {
        match &self.mode {
            VivaMode::Terminal { .. } => {
                let path = self.terminal_api(&format!("/sessions?date={day}"));
                let answer = self.new_api(Method::GET, &path, None, &[StatusCode::NOT_FOUND]).await?;
                if answer.status == StatusCode::NOT_FOUND {
                    return Ok(None);
                }
                let sessions = self.list(&answer, &["sessions"])?;
                Ok(Some(sessions.iter().filter_map(session_record).collect()))
            }
            VivaMode::Checkout { .. } => {
                let transactions = self.listed_on(day).await?;
                let records = |listed: Vec<RawJson>| listed.iter().filter_map(transaction_record).collect();
                Ok(transactions.map(records))
            }
        }
    }
}

/// The status of the device when it is this terminal.
fn device_status(device: &RawJson, terminal_id: &str) -> Option<Option<i64>> {
    let mut device = Fields::open_body(device.as_str().as_bytes()).ok()?.ok()?;
    let id: Option<String> = detail(&mut device, "terminalId");
    (id.as_deref() == Some(terminal_id)).then(|| detail(&mut device, "statusId"))
}

/// A session of a sale; one that gives money back is no payment.
fn session_record(session: &RawJson) -> Option<ProviderRecord> {
    let mut session = Fields::open_body(session.as_str().as_bytes()).ok()?.ok()?;
    let mut record = ProviderRecord::new(detail::<String>(&mut session, "sessionId")?);
    record.payment_id = detail(&mut session, "merchantReference");
    if record.payment_id.as_deref().is_some_and(|reference| reference.starts_with(REFUND)) {
        return None;
    }
    if detail(&mut session, "success") == Some(true) {
        record.captured = detail::<i64>(&mut session, "amount").map(euros);
    }
    Some(record)
}

/// A finished sale; what was given back is no payment.
fn transaction_record(transaction: &RawJson) -> Option<ProviderRecord> {
    let mut transaction = Fields::open_body(transaction.as_str().as_bytes()).ok()?.ok()?;
    let finished = detail::<String>(&mut transaction, "StatusId").as_deref() == Some("F");
    let given_back = detail::<String>(&mut transaction, "ParentId").is_some_and(|parent| !parent.is_empty());
    if !finished || given_back {
        return None;
    }
    let mut record = ProviderRecord::new(detail::<String>(&mut transaction, "OrderCode")?);
    record.payment_id = detail(&mut transaction, "MerchantTrns");
    record.captured = detail::<Decimal>(&mut transaction, "Amount");
    Some(record)
}
