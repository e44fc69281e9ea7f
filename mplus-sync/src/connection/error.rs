//! Why a merchant could not be connected, or a connection not be taken up.

use crate::model::ConnectionId;
use crate::pos_call::pos_advice;
use crate::store::StoreError;

/// A merchant could not be connected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The POS does not accept username or password.
    #[error("the POS refused the username or the password; check both and connect again ({0})")]
    Refused(mplus_qapi::Error),
    /// The POS did not answer as it should.
    #[error("the POS could not be asked: {error}; {advice}", advice = pos_advice(.error))]
    Pos {
        /// What happened.
        error: mplus_qapi::Error,
    },
    /// The POS speaks a protocol that this library does not.
    #[error("the POS speaks protocol {0}, and only 0.9.9 to 1.x are known; update this library or the POS")]
    Protocol(String),
    /// Host or port cannot be right.
    #[error("host and port make no address: {0}")]
    Address(String),
    /// The host's store or vault failed. The credentials may have been kept; connecting again is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The branches could not be imported. The connection is kept; a sync imports them.
    #[error("connected, but the branches were not imported: {message}. {advice}")]
    Import {
        /// What went wrong.
        message: String,
        /// What to do.
        advice: String,
    },
}

/// A connection could not be taken up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is none, or the merchant disconnected.
    #[error("connection {0} is not connected; connect the merchant first")]
    NotConnected(ConnectionId),
    /// Host or port cannot be right.
    #[error("host and port make no address: {0}")]
    Address(String),
    /// The host's store or vault failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
