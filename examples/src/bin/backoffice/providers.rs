//! Who takes the money of which restaurant.

use std::sync::Arc;

use async_trait::async_trait;
use mplus_examples::providers::Named;
use mplus_webhooks::payment::{
    Found, Payment, PaymentPlace, PaymentProfiles, PaymentProvider, PaymentProviders, ProviderAccount,
};

use crate::demo::Demo;

/// The demonstration's terminal at its restaurant, and the providers that flags name at every other.
#[derive(Debug)]
pub(crate) struct Providers {
    demo: PaymentProfiles,
    named: Vec<Named>,
}

impl Providers {
    pub(crate) fn new(demo: Option<&Demo>, named: Vec<Named>) -> Self {
        Self { demo: demo.map(Demo::profiles).unwrap_or_default(), named }
    }

    fn find(&self, is_it: impl Fn(&dyn PaymentProvider) -> bool) -> Option<Arc<dyn PaymentProvider>> {
        self.named.iter().find(|(_, provider)| is_it(&**provider)).map(|(_, provider)| provider.clone())
    }
}

fn is_of(provider: &dyn PaymentProvider, account: &ProviderAccount) -> bool {
    ProviderAccount::new(provider.name(), provider.account()) == *account
}

#[async_trait]
impl PaymentProviders for Providers {
    async fn assigned(&self, place: &PaymentPlace<'_>) -> Found {
        if let Some(terminal) = self.demo.assigned(place).await? {
            return Ok(Some(terminal));
        }
        let fits = |method: &Option<String>| method.as_deref().is_none_or(|method| method == place.method);
        Ok(self.named.iter().find(|(method, _)| fits(method)).map(|(_, provider)| provider.clone()))
    }

    async fn started_on(&self, payment: &Payment) -> Found {
        let account = ProviderAccount::of(payment);
        match self.demo.started_on(payment).await? {
            Some(terminal) => Ok(Some(terminal)),
            None => {
                Ok(self
                    .find(|known| is_of(known, &account) && known.terminal() == payment.terminal.as_deref()))
            }
        }
    }

    async fn of_account(&self, account: &ProviderAccount) -> Found {
        match self.demo.of_account(account).await? {
            Some(terminal) => Ok(Some(terminal)),
            None => Ok(self.find(|known| is_of(known, account))),
        }
    }
}

#[cfg(test)]
mod tests {
    use mplus_webhooks::payment::{OwnPayment, PaymentKey};
    use mplus_webhooks::testkit::ManualProvider;
    use mplus_webhooks::{FixedSubscriptions, MemoryStore, MerchantId, Orchestrator};
    use rust_decimal::Decimal;

    use super::*;
    use crate::demo;

    #[tokio::test]
    async fn the_demonstrations_terminal_takes_its_payments_and_the_named_providers_all_others() {
        let named = |account: &str| -> Arc<dyn PaymentProvider> {
            Arc::new(ManualProvider::new().with_account(account))
        };
        let demo = Demo::new(None);
        let others = vec![(Some("K_IDEAL".to_owned()), named("ideal")), (None, named("rest"))];
        let webhooks = Orchestrator::builder(
            Arc::new(FixedSubscriptions::new([])),
            Arc::new(MemoryStore::new()),
            Arc::new(mplus_webhooks::TokioRuntime),
        )
        .payments(Arc::new(Providers::new(Some(&demo), others)))
        .build();
        for (merchant, method, account) in
            [(demo::ID, "K_IDEAL", "default"), ("cafe", "K_IDEAL", "ideal"), ("cafe", "K_CARD", "rest")]
        {
            let key = PaymentKey::new(MerchantId::new(merchant), method);
            let own = OwnPayment::new(key, Decimal::ONE, method);
            let payment = webhooks.payments().unwrap().start_own(&own).await.unwrap();
            assert_eq!(payment.account, account, "{merchant} {method}");
        }
    }
}
