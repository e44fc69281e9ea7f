//! Flags that name who takes the money: Stripe and Viva. Secrets come from the environment only.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use mplus_webhooks::payment::{PaymentProfiles, PaymentProvider, PaymentRule, ProviderAccount};
use mplus_webhooks::provider::{
    Stripe, StripeMode, StripeRedirect, Viva, VivaCredentials, VivaEndpoints, VivaMode,
};
use mplus_webhooks::testkit::ManualProvider;
use mplus_webhooks::{MerchantId, ReqwestClient, Secret, TokioRuntime};

/// How long a provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The flags of payment providers.
// Without a name of its own the group would be called like the program's.
#[derive(Debug, Default, Args)]
#[group(id = "providers")]
pub struct Flags {
    /// The environment variable with Stripe's secret key (sk_...); turns Stripe on.
    #[arg(long, requires = "stripe_webhook_secret_env", value_name = "VARIABLE")]
    stripe_key_env: Option<String>,
    /// The environment variable with the secret of Stripe's webhook endpoint (whsec_...).
    #[arg(long, value_name = "VARIABLE")]
    stripe_webhook_secret_env: Option<String>,
    /// Stripe takes cards on this reader (tmr_...). Without this and the next one: on a page of Stripe's.
    #[arg(long, conflicts_with = "stripe_ideal")]
    stripe_reader: Option<String>,
    /// Stripe takes iDEAL; the till shows the way to the bank.
    #[arg(long)]
    stripe_ideal: bool,
    /// Where Stripe sends the customer after paying.
    #[arg(long, default_value = "https://example.com/thanks", value_name = "URL")]
    stripe_return: String,
    /// Only for this payment method of the POS; without it for every method that nobody else has.
    #[arg(long, value_name = "METHOD")]
    stripe_method: Option<String>,

    /// The client id of Viva's API; turns Viva on.
    #[arg(
        long,
        requires_all = ["viva_client_secret_env", "viva_merchant_id", "viva_api_key_env"],
        value_name = "ID"
    )]
    viva_client_id: Option<String>,
    /// The environment variable with its secret.
    #[arg(long, value_name = "VARIABLE")]
    viva_client_secret_env: Option<String>,
    /// The merchant id at Viva.
    #[arg(long, value_name = "ID")]
    viva_merchant_id: Option<String>,
    /// The environment variable with Viva's API key.
    #[arg(long, value_name = "VARIABLE")]
    viva_api_key_env: Option<String>,
    /// Viva takes cards on this terminal. Without it: on Viva's checkout page.
    #[arg(long, value_name = "ID")]
    viva_terminal: Option<String>,
    /// The payment source of Viva's checkout page.
    #[arg(long, default_value = "Default", value_name = "CODE")]
    viva_source: String,
    /// Viva's demo environment instead of real money.
    #[arg(long)]
    viva_demo: bool,
    /// Only for this payment method of the POS; without it for every method that nobody else has.
    #[arg(long, value_name = "METHOD")]
    viva_method: Option<String>,
}

/// A provider, and the payment method of the POS that it is for; none for every method that nobody else has.
pub type Named = (Option<String>, Arc<dyn PaymentProvider>);

impl Flags {
    /// The providers that flags name; whoever has a method of his own comes first.
    ///
    /// # Errors
    /// A secret's environment variable is not set, or no HTTPS client can be made.
    pub fn named(&self) -> Result<Vec<Named>, Box<dyn Error>> {
        let mut named: Vec<Named> = Vec::new();
        if let Some(stripe) = self.stripe()? {
            named.push((self.stripe_method.clone(), Arc::new(stripe)));
        }
        if let Some(viva) = self.viva()? {
            named.push((self.viva_method.clone(), Arc::new(viva)));
        }
        named.sort_by_key(|(method, _)| method.is_none());
        Ok(named)
    }

    /// Profiles of one merchant with a test provider that takes what is left; and the accounts whose addresses and checks are of use
    /// to whoever set this up.
    ///
    /// # Errors
    /// As [`named`](Self::named).
    pub fn profiles(
        &self,
        merchant: &MerchantId,
        test: Arc<ManualProvider>,
    ) -> Result<(PaymentProfiles, Vec<ProviderAccount>), Box<dyn Error>> {
        let named = self.named()?;
        let accounts = named
            .iter()
            .map(|(_, provider)| ProviderAccount::new(provider.name(), provider.account()))
            .collect();
        let mut profiles = PaymentProfiles::new();
        for (method, provider) in named {
            let rule = PaymentRule::of(merchant);
            let rule = method.map_or(rule.clone(), |method| rule.for_method(&method));
            profiles = profiles.assign(rule, provider);
        }
        Ok((profiles.assign(PaymentRule::of(merchant), test), accounts))
    }

    fn stripe(&self) -> Result<Option<Stripe>, Box<dyn Error>> {
        let (Some(key), Some(webhook_secret)) = (&self.stripe_key_env, &self.stripe_webhook_secret_env)
        else {
            return Ok(None);
        };
        let return_url = self.stripe_return.clone();
        let mode = match &self.stripe_reader {
            Some(reader) => StripeMode::Terminal { reader: reader.clone() },
            None if self.stripe_ideal => StripeMode::Redirect { method: StripeRedirect::Ideal, return_url },
            None => StripeMode::Checkout { success_url: return_url.clone(), cancel_url: return_url },
        };
        let client = Arc::new(ReqwestClient::new(PATIENCE)?);
        Ok(Some(Stripe::new(client, secret(key)?, secret(webhook_secret)?, mode)))
    }

    fn viva(&self) -> Result<Option<Viva>, Box<dyn Error>> {
        let (Some(client_id), Some(client_secret), Some(merchant_id), Some(api_key)) = (
            &self.viva_client_id,
            &self.viva_client_secret_env,
            &self.viva_merchant_id,
            &self.viva_api_key_env,
        ) else {
            return Ok(None);
        };
        let credentials = VivaCredentials {
            client_id: client_id.clone(),
            client_secret: secret(client_secret)?,
            merchant_id: merchant_id.clone(),
            api_key: secret(api_key)?,
        };
        let mode = match &self.viva_terminal {
            Some(terminal) => {
                VivaMode::Terminal { terminal_id: terminal.clone(), cash_register_id: "mplus".to_owned() }
            }
            None => VivaMode::Checkout { source_code: self.viva_source.clone() },
        };
        let endpoints = if self.viva_demo { VivaEndpoints::demo() } else { VivaEndpoints::live() };
        let client = Arc::new(ReqwestClient::new(PATIENCE)?);
        Ok(Some(Viva::new(client, Arc::new(TokioRuntime), endpoints, credentials, mode)))
    }
}

fn secret(variable: &str) -> Result<Secret, String> {
    let text =
        std::env::var(variable).map_err(|_| format!("the environment variable {variable} is not set"))?;
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        flags: Flags,
    }

    #[test]
    fn the_flags_fit_together_and_name_nobody_unless_they_are_given() {
        Program::command().debug_assert();
        assert!(Program::parse_from(["program"]).flags.named().unwrap().is_empty());
    }
}
