//! Payment providers of a restaurant.

super::texts! {
    ABOUT = "Who takes the money of guests and customers: your own accounts at Stripe and Viva Wallet. What is entered here is kept encrypted.", "Wie het geld van gasten en klanten aanneemt: je eigen accounts bij Stripe en Viva Wallet. Wat je hier invult, wordt versleuteld bewaard.";
    INSTALLATION = "No account of your own is set up: whoever runs this program takes your payments on the account of the installation.", "Er is geen eigen account ingesteld: de beheerder van dit programma neemt je betalingen aan op het account van de installatie.";
    IN_USE = "Set up", "Ingesteld";
    STRIPE = "Stripe", "Stripe";
    STRIPE_ABOUT = "For online orders: iDEAL, cards and Bancontact on a page of Stripe's; or cards on a reader. Make a webhook endpoint at Stripe with this address and the events of payment intents, checkout sessions, terminal readers, charges and refunds; Stripe shows its secret then.", "Voor online bestellingen: iDEAL, kaarten en Bancontact op een pagina van Stripe; of kaarten op een lezer. Maak bij Stripe een webhook-endpoint met dit adres en de gebeurtenissen van payment intents, checkout sessions, terminal readers, charges en refunds; Stripe toont dan het geheim.";
    STRIPE_KEY = "Secret key (sk_…)", "Geheime sleutel (sk_…)";
    STRIPE_WEBHOOK_SECRET = "Signing secret of the webhook endpoint (whsec_…)", "Ondertekengeheim van het webhook-endpoint (whsec_…)";
    STRIPE_READER = "Reader (tmr_…)", "Lezer (tmr_…)";
    STRIPE_READER_HINT = "Takes cards at the counter. Empty: customers pay on a page of Stripe's.", "Neemt kaarten aan de balie aan. Leeg: klanten betalen op een pagina van Stripe.";
    STRIPE_IDEAL = "iDEAL only", "Alleen iDEAL";
    STRIPE_IDEAL_HINT = "Customers go to their bank at once, and are offered no card and no Bancontact.", "Klanten gaan meteen naar hun bank en krijgen geen kaart of Bancontact aangeboden.";
    VIVA = "Viva Wallet", "Viva Wallet";
    VIVA_ABOUT = "For the kiosk and the till: cards on a terminal; or a page of Viva's. Make a webhook at Viva with this address.", "Voor de kiosk en de kassa: kaarten op een pinautomaat; of een pagina van Viva. Maak bij Viva een webhook met dit adres.";
    VIVA_CLIENT_ID = "Client ID of the API", "Client-ID van de API";
    VIVA_CLIENT_SECRET = "Client secret", "Client-geheim";
    VIVA_MERCHANT_ID = "Merchant ID", "Merchant-ID";
    VIVA_API_KEY = "API key", "API-sleutel";
    VIVA_TERMINAL = "Terminal ID", "Terminal-ID";
    VIVA_TERMINAL_HINT = "Eight digits. Empty: customers pay on Viva's page.", "Acht cijfers. Leeg: klanten betalen op de pagina van Viva.";
    VIVA_SOURCE = "Payment source of the page", "Betaalbron van de pagina";
    VIVA_SOURCE_HINT = "Empty: Default.", "Leeg: Default.";
    VIVA_DEMO = "Viva's demo environment, without real money", "Demo-omgeving van Viva, zonder echt geld";
    TERMINALS = "Other terminals for single locations and workplaces", "Andere pinautomaten voor afzonderlijke locaties en werkplekken";
    TERMINALS_HINT = "Empty: that of the location, or the one above.", "Leeg: die van de locatie, of de bovenstaande.";
    TERMINAL_AT = "At {}", "Bij {}";
    TERMINAL_AT_WORKPLACE = "At {}, workplace {} {}", "Bij {}, werkplek {} {}";
    METHOD = "Only for this payment method", "Alleen voor deze betaalmethode";
    METHOD_HINT = "As MplusKASSA names it, such as K_IDEAL; kiosk for the kiosk. Empty: for every method that the other account does not have.", "Zoals MplusKASSA haar noemt, bijvoorbeeld K_IDEAL; kiosk voor de kiosk. Leeg: voor elke methode die het andere account niet heeft.";
    WEBHOOK_URL = "Webhook address", "Webhook-adres";
    SECRET_KEEPS = "Never shown again. Empty: it stays as it is.", "Wordt nooit meer getoond. Leeg: blijft zoals het is.";
    CHECK = "Check the connection", "Verbinding controleren";
    KEYS_ACCEPTED = "The provider accepts the keys.", "De provider accepteert de sleutels.";
    KEYS_REFUSED = "Saved, but the provider does not accept the keys: check them.", "Opgeslagen, maar de provider accepteert de sleutels niet: controleer ze.";
    TERMINAL_AWAY = "The provider accepts the keys, but the terminal is not ready.", "De provider accepteert de sleutels, maar de pinautomaat is niet gereed.";
    NOT_CHECKED = "Saved, but the provider could not be asked: {}", "Opgeslagen, maar de provider kon niet worden gevraagd: {}";
    RETIRE = "Take out of use", "Buiten gebruik stellen";
    RETIRE_ABOUT = "No payment is started on it any more; those under way end, and can be given back.", "Er wordt geen betaling meer op gestart; wat loopt, wordt afgerond en kan worden terugbetaald.";
    RETIRED = "No payment is started on that account any more.", "Op dat account wordt geen betaling meer gestart.";
}
