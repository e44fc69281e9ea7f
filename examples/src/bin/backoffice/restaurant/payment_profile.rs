//! A restaurant's own accounts at payment providers, their secrets sealed.

use std::collections::BTreeMap;
use std::sync::Arc;

use mplus_sync::model::ConnectionId;
use serde::{Deserialize, Serialize};

use crate::records::{Record, Records, RecordsError};
use crate::safe::key_ring::{KeyError, KeyRing};

const KIND: &str = "payment_profile";
/// New payments are started on it.
const IN_USE: &str = "in_use";
/// It was taken out of use; its payments are looked after all the same.
const FORMER: &str = "former";

/// An account at a provider, and for what it is used.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// What it is called in the provider's webhook address; once in the whole back office.
    #[serde(skip)]
    pub(crate) account: String,
    /// How often it was changed; 0 for one that was never saved.
    #[serde(skip)]
    pub(crate) revision: i64,
    /// Only for this payment method of the till; without it for every method that no other profile has.
    pub(crate) method: Option<String>,
    /// The reader or terminal that takes cards; without it customers pay on a page of the provider's.
    pub(crate) terminal: Option<String>,
    /// Others for single branches and workplaces, by their numbers: `2`, or `2_1` for workplace 1 of branch 2.
    #[serde(default)]
    pub(crate) terminals: BTreeMap<String, String>,
    pub(crate) at: Company,
}

impl Profile {
    /// The terminal of a workplace: its own, its branch's, or the one for all.
    pub(crate) fn terminal_at(&self, branch: i64, workplace: i64) -> Option<&str> {
        let own = |place: String| self.terminals.get(&place);
        let own = own(format!("{branch}_{workplace}")).or_else(|| own(branch.to_string()));
        own.or(self.terminal.as_ref()).map(String::as_str)
    }
}

/// Which provider, and what only it needs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "company", rename_all = "snake_case")]
pub(crate) enum Company {
    Stripe { key: Sealed, webhook_secret: Sealed, ideal: bool },
    Viva(VivaAccount),
}

/// An account at Viva Wallet.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VivaAccount {
    pub(crate) client_id: String,
    pub(crate) client_secret: Sealed,
    pub(crate) merchant_id: String,
    pub(crate) api_key: Sealed,
    /// The payment source of the checkout page.
    pub(crate) source: String,
    /// Whether it is in Viva's demo environment.
    pub(crate) demo: bool,
}

impl Company {
    /// As the library calls it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Stripe { .. } => mplus_webhooks::provider::Stripe::NAME,
            Self::Viva(_) => mplus_webhooks::provider::Viva::NAME,
        }
    }

    fn secrets(&mut self) -> [&mut Sealed; 2] {
        match self {
            Self::Stripe { key, webhook_secret, .. } => [key, webhook_secret],
            Self::Viva(viva) => [&mut viva.client_secret, &mut viva.api_key],
        }
    }
}

/// A secret, sealed for the account that it belongs to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Sealed(String);

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error("this account belongs to another restaurant")]
    Taken,
    #[error("this account was changed meanwhile")]
    Meanwhile,
}

/// The accounts of all restaurants.
#[derive(Clone)]
pub(crate) struct PaymentAccounts {
    records: Records,
    keys: Arc<KeyRing>,
}

impl PaymentAccounts {
    pub(crate) fn new(records: Records, keys: Arc<KeyRing>) -> Self {
        Self { records, keys }
    }

    pub(crate) fn seal(&self, account: &str, secret: &str) -> Result<Sealed, KeyError> {
        Ok(Sealed(self.keys.seal(&place(account), secret)?))
    }

    pub(crate) fn open(&self, account: &str, sealed: &Sealed) -> Result<mplus_webhooks::Secret, KeyError> {
        Ok(self.keys.open(&place(account), &sealed.0)?.into())
    }

    /// Keeps an account in place of its revision, and uses it for new payments.
    pub(crate) async fn save(
        &self,
        restaurant: &ConnectionId,
        profile: &Profile,
    ) -> Result<(), ProfileError> {
        let known = self.records.get(KIND, &profile.account).await?;
        if known.is_some_and(|known| known.owner != restaurant.as_str()) {
            return Err(ProfileError::Taken);
        }
        let record = Record::new(KIND, &profile.account).of(restaurant.as_str()).about(IN_USE);
        let record = Record { revision: profile.revision, ..record.with(profile)? };
        let is_kept = match profile.revision {
            0 => self.records.insert(&record).await?,
            _ => self.records.replace(&record).await?,
        };
        if is_kept { Ok(()) } else { Err(ProfileError::Meanwhile) }
    }

    /// Starts no payment on an account any more. Its secrets are kept for those that were started on it.
    pub(crate) async fn retire(&self, restaurant: &ConnectionId, account: &str) -> Result<(), ProfileError> {
        match self.records.get(KIND, account).await? {
            Some(record) if record.owner == restaurant.as_str() => {
                Ok(self.records.replace(&record.about(FORMER)).await.map(drop)?)
            }
            _ => Ok(()),
        }
    }

    /// A restaurant's accounts in use; those for a method of their own come first.
    pub(crate) async fn in_use(&self, restaurant: &str) -> Result<Vec<Profile>, RecordsError> {
        let found = self.records.about(KIND, restaurant, IN_USE).await?;
        let mut profiles = found.iter().map(profile).collect::<Result<Vec<_>, _>>()?;
        profiles.sort_by(|one, other| {
            (one.method.is_none(), &one.account).cmp(&(other.method.is_none(), &other.account))
        });
        Ok(profiles)
    }

    /// An account by its name, in use or not.
    pub(crate) async fn find(&self, account: &str) -> Result<Option<Profile>, RecordsError> {
        self.records.get(KIND, account).await?.as_ref().map(profile).transpose()
    }

    /// Seals anew what an older key sealed.
    pub(crate) async fn rotate(&self) -> Result<(), ProfileError> {
        for record in self.records.due(KIND, i64::MAX, i32::MAX as usize).await? {
            let mut known = profile(&record)?;
            if known.at.secrets().iter().all(|sealed| self.keys.is_newest(&sealed.0)) {
                continue;
            }
            for sealed in known.at.secrets() {
                *sealed = self.seal(&record.id, self.open(&record.id, sealed)?.expose())?;
            }
            self.records.replace(&record.with(&known)?).await?;
        }
        Ok(())
    }
}

fn profile(record: &Record) -> Result<Profile, RecordsError> {
    let profile: Profile = record.read()?;
    Ok(Profile { account: record.id.clone(), revision: record.revision, ..profile })
}

fn place(account: &str) -> String {
    format!("{KIND}/{account}")
}
