//! Why an order is not at the POS, or may be there.

use std::fmt;

use chrono::{DateTime, Utc};
use mplus_qapi::{Error as PosError, ErrorKind};

use crate::model::{OrderNumber, TableRef};
use crate::pos_call::is_silence;
use crate::relations::RelationError;
use crate::store::{StoreError, StoreErrorKind};

use super::{OrderRefused, Problem};

/// An order was not submitted, or nobody knows.
#[derive(Debug)]
pub struct SubmitError {
    order: OrderNumber,
    kind: SubmitErrorKind,
    may_be_at_pos: bool,
    /// Whether the POS answers other calls meanwhile.
    is_alone: bool,
    /// Whether it is the merchant's settings or connection that could not be read: a newer release may have written them, whose
    /// processes can.
    is_of_merchant: bool,
}

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum SubmitErrorKind {
    /// The order cannot be sent as it is; nothing was sent.
    Refused(OrderRefused),
    /// The POS has an order with this number that is another one, or cannot be compared.
    NumberTaken {
        /// What differs.
        difference: String,
    },
    /// The POS was asked and said no.
    Declined {
        /// The operation.
        operation: &'static str,
        /// What the POS said.
        reason: String,
    },
    /// A call of an earlier attempt, whose answer did not come, may be at work: the POS does not show the order so far.
    AtWork {
        /// Until when it is only looked for.
        until: DateTime<Utc>,
    },
    /// The POS answered so that nobody knows whether it took the order, and does not show it. It is only looked for from then
    /// on, until a person queues it again.
    Unclear {
        /// The operation.
        operation: String,
        /// What the POS answered.
        answer: String,
        /// When.
        since: DateTime<Utc>,
    },
    /// Somebody works at the table. It is free again when they are done.
    TableClaimed {
        /// Which table.
        table: TableRef,
        /// The workplace, when the POS says.
        workplace: Option<i32>,
    },
    /// Somebody else opened the order's table in the moment in which it was saved there, and the table shows the other order
    /// alone: its guests may be asked to pay for one of the two only.
    SecondAtTable {
        /// Which table.
        table: TableRef,
    },
    /// The table's order changed each time between reading and saving it.
    TableBusy {
        /// Which table.
        table: TableRef,
    },
    /// The workplace is not a terminal that this integration may use.
    Terminal {
        /// The workplace.
        workplace: i32,
        /// What the POS said.
        reason: String,
    },
    /// The customer's relation could not be found or created.
    Relation(RelationError),
    /// A call to the POS failed.
    Pos(PosError),
    /// The store failed.
    Store(StoreError),
}

impl SubmitError {
    pub(super) fn new(order: &OrderNumber, kind: SubmitErrorKind, may_be_at_pos: bool) -> Self {
        Self { order: order.clone(), kind, may_be_at_pos, is_alone: false, is_of_merchant: false }
    }

    /// That a merchant's settings or connection could not be read.
    pub(crate) fn of_merchant(order: &OrderNumber, failed: StoreError, may_be_at_pos: bool) -> Self {
        Self { is_of_merchant: true, ..Self::new(order, SubmitErrorKind::Store(failed), may_be_at_pos) }
    }

    /// The same when an earlier attempt may have brought the order to the POS.
    pub(super) fn or_earlier(mut self, may_be_at_pos: bool) -> Self {
        self.may_be_at_pos |= may_be_at_pos;
        self
    }

    /// The same when the POS answers another call with the same credentials: something on the way refuses this order alone.
    pub(super) fn alone(self) -> Self {
        Self { is_alone: true, ..self }
    }

    /// The status with which something on the way answered in the place of the POS.
    pub(super) fn status_on_the_way(&self) -> Option<u16> {
        match self.pos_error()?.kind() {
            ErrorKind::Http { status } => Some(*status),
            _ => None,
        }
    }

    /// Whether it concerns the whole connection: the POS cannot be reached, or does not accept the credentials.
    pub(super) fn is_of_connection(&self) -> bool {
        let failed = self.pos_error();
        !self.is_alone && failed.is_some_and(|error| error.is_authentication() || error.is_connect())
    }

    /// Which order.
    pub fn order(&self) -> &OrderNumber {
        &self.order
    }

    /// What went wrong.
    pub fn kind(&self) -> &SubmitErrorKind {
        &self.kind
    }

    /// Whether the POS may have the order all the same: look there before sending it again, which
    /// [`OrderService::submit`](super::OrderService::submit) does when it is told.
    pub fn may_be_at_pos(&self) -> bool {
        self.may_be_at_pos
    }

    /// The failed call to the POS, if it is one that stopped the order.
    pub fn pos_error(&self) -> Option<&PosError> {
        match &self.kind {
            SubmitErrorKind::Pos(error)
            | SubmitErrorKind::Relation(RelationError::Pos { source: error, .. }) => Some(error),
            _ => None,
        }
    }

    /// Whether trying again as it is cannot help.
    pub fn is_permanent(&self) -> bool {
        match &self.kind {
            // The POS's list may have been cut, and lists change.
            SubmitErrorKind::Refused(refused) => {
                let is_listed = |problem: &Problem| !matches!(problem, Problem::PaymentUnknown { .. });
                refused.problems.is_empty() || refused.problems.iter().any(is_listed)
            }
            SubmitErrorKind::NumberTaken { .. } | SubmitErrorKind::SecondAtTable { .. } => true,
            SubmitErrorKind::Pos(error) => matches!(error.kind(), ErrorKind::Request(_)),
            _ => false,
        }
    }

    /// What was heard of the POS.
    pub(crate) fn heard(&self) -> Heard {
        if let Some(error) = self.pos_error() {
            return match error.kind() {
                _ if self.is_of_connection() => Heard::Away,
                _ if is_silence(error) => Heard::Silence,
                ErrorKind::Held(_) | ErrorKind::Busy { .. } | ErrorKind::Setup(_) | ErrorKind::Request(_) => {
                    Heard::Nothing
                }
                _ => Heard::Answer,
            };
        }
        match &self.kind {
            SubmitErrorKind::Refused(_) | SubmitErrorKind::Store(_) | SubmitErrorKind::Relation(_) => {
                Heard::Nothing
            }
            _ => Heard::Answer,
        }
    }

    /// Since when it is waited for, where the error says so.
    pub(super) fn waits_since(&self) -> Option<DateTime<Utc>> {
        match &self.kind {
            SubmitErrorKind::Unclear { since, .. } => Some(*since),
            _ => None,
        }
    }

    /// Whether the wait ends by itself.
    pub(super) fn waits_for_a_call(&self) -> bool {
        matches!(self.kind, SubmitErrorKind::AtWork { .. })
    }

    /// What the order waits for, when nobody has refused it.
    pub(super) fn hindrance(&self) -> Option<Hindrance> {
        match &self.kind {
            SubmitErrorKind::TableClaimed { .. } | SubmitErrorKind::TableBusy { .. } => {
                Some(Hindrance::Table)
            }
            SubmitErrorKind::AtWork { .. } => Some(Hindrance::Silent),
            SubmitErrorKind::Unclear { .. } => Some(Hindrance::Unclear),
            // What cannot be read of the menu does not become readable by itself.
            SubmitErrorKind::Store(error)
                if error.kind() == StoreErrorKind::Corrupt && !self.is_of_merchant =>
            {
                None
            }
            SubmitErrorKind::Store(_)
            | SubmitErrorKind::Relation(RelationError::Store(_) | RelationError::Busy { .. }) => {
                Some(Hindrance::Host)
            }
            SubmitErrorKind::Pos(error)
            | SubmitErrorKind::Relation(RelationError::Pos { source: error, .. }) => match hindrance(error) {
                // It refuses this very order, whatever it means by that.
                Some(Hindrance::Away) if self.is_alone && error.is_authentication() => None,
                Some(Hindrance::Away) if self.is_alone => Some(Hindrance::Silent),
                found => found,
            },
            _ => None,
        }
    }
}

/// What an attempt heard of the POS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It answered, whatever it said.
    Answer,
    /// It took a call and did not answer it in time.
    Silence,
    /// It cannot be reached, or lets nobody in.
    Away,
    /// It was not asked.
    Nothing,
}

/// What keeps an order from the POS that the POS did not refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hindrance {
    /// The POS cannot be reached at all, or lets nobody in: no other order would get there either.
    Away,
    /// The POS did not answer a call, failed at it, or answered what cannot be read.
    Silent,
    /// Somebody works at the table.
    Table,
    /// The POS answered something that does not tell whether it has the order: waiting seldom helps.
    Unclear,
    /// The host's store failed, or another worker is at it.
    Host,
}

fn hindrance(error: &PosError) -> Option<Hindrance> {
    match error.kind() {
        _ if error.is_connect() || error.is_authentication() => Some(Hindrance::Away),
        // Something on the way refused this very request, or timed out at it: others may get through.
        ErrorKind::Http { status: 400 | 405 | 406 | 411 | 413..=415 | 422 | 431 } => None,
        ErrorKind::Http { status: 408 | 504 } => Some(Hindrance::Silent),
        ErrorKind::Http { .. } | ErrorKind::Setup(_) => Some(Hindrance::Away),
        ErrorKind::Held(_) => Some(Hindrance::Host),
        ErrorKind::Transport(_) | ErrorKind::Busy { .. } | ErrorKind::Contradiction { .. } => {
            Some(Hindrance::Silent)
        }
        ErrorKind::Fault(fault) if !fault.is_client() => Some(Hindrance::Silent),
        ErrorKind::Response(_) => Some(Hindrance::Silent),
        ErrorKind::Paging(_) => Some(Hindrance::Unclear),
        _ => None,
    }
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = &self.order;
        match &self.kind {
            SubmitErrorKind::Refused(refused) => return refused.fmt(f),
            SubmitErrorKind::NumberTaken { difference } => write!(
                f,
                "MplusKASSA has an order with the number {order} already: {difference}; compare the two by hand"
            )?,
            SubmitErrorKind::Declined { operation, reason } => {
                write!(f, "MplusKASSA did not take order {order} ({operation}): {reason}")?;
            }
            SubmitErrorKind::AtWork { until } => write!(
                f,
                "order {order} waits: MplusKASSA may still be at work on an earlier call and does not show the order so \
                 far; it is looked for, and sent again after {} (UTC) when it is not there then",
                until.format("%H:%M:%S")
            )?,
            SubmitErrorKind::Unclear { operation, answer, .. } => {
                let answer = if answer.is_empty() { "nothing" } else { answer };
                write!(
                    f,
                    "order {order} waits: MplusKASSA answered {operation} with {answer}, which does not tell whether \
                     it took the order; it is only looked for there until a person queues it again"
                )?;
            }
            SubmitErrorKind::TableClaimed { table, workplace } => {
                write!(f, "order {order} waits: table {} is in use at ", name_of(table))?;
                match workplace {
                    Some(workplace) => write!(f, "workplace {workplace}")?,
                    None => f.write_str("another workplace")?,
                }
                f.write_str("; it is sent when the table is released there")?;
            }
            SubmitErrorKind::SecondAtTable { table } => write!(
                f,
                "order {order} was taken for table {}, which somebody else opened in the same moment: the table shows \
                 the other order alone; join the two at the till",
                name_of(table)
            )?,
            SubmitErrorKind::TableBusy { table } => write!(
                f,
                "order {order} waits: the order of table {} kept changing while this one was added; it is tried \
                 again",
                name_of(table)
            )?,
            SubmitErrorKind::Terminal { workplace, reason } => write!(
                f,
                "order {order} waits: workplace {workplace} cannot be used as a terminal: {reason}; choose one \
                 that no handheld uses in the order settings"
            )?,
            SubmitErrorKind::Relation(error) => write!(f, "order {order} waits: {error}")?,
            SubmitErrorKind::Pos(error) if self.is_alone => write!(
                f,
                "order {order} waits: something on the way to MplusKASSA refuses it, and lets other calls through ({error})"
            )?,
            SubmitErrorKind::Pos(error) if error.is_authentication() => write!(
                f,
                "order {order} waits: MplusKASSA does not accept the user name and password; check the connection \
                 ({error})"
            )?,
            SubmitErrorKind::Pos(error) if error.is_connect() => {
                write!(f, "order {order} waits: MplusKASSA cannot be reached ({error})")?;
            }
            SubmitErrorKind::Pos(error) => write!(f, "order {order} waits: {error}")?,
            SubmitErrorKind::Store(error) => write!(f, "order {order} waits: {error}")?,
        }
        let says_so =
            matches!(self.kind, SubmitErrorKind::NumberTaken { .. } | SubmitErrorKind::SecondAtTable { .. });
        if self.may_be_at_pos && !says_so {
            f.write_str("; it may be at the POS all the same")?;
        }
        Ok(())
    }
}

/// A table as people call it.
pub(super) fn name_of(table: &TableRef) -> String {
    match table.sub_number {
        1 => table.number.to_string(),
        sub => format!("{}.{sub}", table.number),
    }
}

impl std::error::Error for SubmitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            SubmitErrorKind::Refused(error) => Some(error),
            SubmitErrorKind::Relation(error) => Some(error),
            SubmitErrorKind::Pos(error) => Some(error),
            SubmitErrorKind::Store(error) => Some(error),
            _ => None,
        }
    }
}
