//! What the libraries say of a failure, in Dutch. They say it in English, in whole sentences that hold names and numbers: each is known
//! here by what stands around those. A sentence that is not known stays as it is.

use super::Lang;

impl Lang {
    /// A failure as the visitor reads it; none when its sentence is not known in that language.
    pub(crate) fn reason_of(self, said: &str) -> Option<String> {
        match self {
            Self::En => Some(said.to_owned()),
            Self::Nl => dutch(said),
        }
    }

    /// The same where there is no room to say that it is English: as it was said when it is not known.
    pub(crate) fn reason(self, said: &str) -> String {
        self.reason_of(said).unwrap_or_else(|| said.to_owned())
    }
}

/// The most sentences that are looked for in one text.
const SENTENCES: usize = 32;

/// One known sentence after the other, or none.
fn dutch(said: &str) -> Option<String> {
    let marks = ["; ", ". ", ", "].into_iter().flat_map(|mark| said.match_indices(mark));
    // Where a sentence may end, what stands there, and where the next one begins.
    let mut ends: Vec<(usize, &str, usize)> = marks.map(|(at, mark)| (at, mark, at + mark.len())).collect();
    ends.sort_unstable();
    ends.truncate(SENTENCES);
    let last =
        if said.ends_with('.') { (said.len() - 1, ".", said.len()) } else { (said.len(), "", said.len()) };
    ends.push(last);
    let starts = std::iter::once(0).chain(ends.iter().map(|(_, _, next)| *next));
    let starts: Vec<usize> = starts.take(ends.len()).collect();
    // From the last beginning to the first: what is said from there on.
    let mut rest: Vec<Option<String>> = vec![None; ends.len() + 1];
    rest[ends.len()] = Some(String::new());
    for (first, start) in starts.iter().enumerate().rev() {
        rest[first] = (first..ends.len()).find_map(|end| {
            let ((to, mark, _), after) = (ends[end], rest[end + 1].as_ref()?);
            Some(format!("{}{mark}{after}", sentence(&said[*start..to])?))
        });
    }
    rest.swap_remove(0)
}

fn sentence(said: &str) -> Option<String> {
    SENTENCES_KNOWN.iter().find_map(|(english, dutch_words)| {
        let gaps = gaps(english, said)?;
        let mut words = dutch_words.split("{}");
        let mut told = words.next()?.to_owned();
        for (gap, word) in gaps.iter().zip(words) {
            told.push_str(&dutch(gap).unwrap_or_else(|| (*gap).to_owned()));
            told.push_str(word);
        }
        Some(told)
    })
}

/// What stands in the gaps of a sentence, when a text is that sentence.
fn gaps<'s>(sentence: &str, said: &'s str) -> Option<Vec<&'s str>> {
    let mut words = sentence.split("{}");
    let mut left = said.strip_prefix(words.next()?)?;
    let words: Vec<&str> = words.collect();
    let Some((last, between)) = words.split_last() else { return left.is_empty().then(Vec::new) };
    left = left.strip_suffix(last)?;
    let mut gaps = Vec::with_capacity(words.len());
    for word in between {
        let (gap, rest) = left.split_once(word)?;
        gaps.push(gap);
        left = rest;
    }
    gaps.push(left);
    Some(gaps)
}

/// A sentence of the libraries, and the same in Dutch; what comes from elsewhere is `{}` in both, in the same order.
type Known = (&'static str, &'static str);

#[rustfmt::skip]
const SENTENCES_KNOWN: &[Known] = &[
    // An order that was refused.
    ("order {} was not sent to the POS: {}", "bestelling {} is niet naar de kassa gestuurd: {}"),
    ("it has no lines", "er staan geen regels op"),
    ("item \"{}\" ({}) has no article number of MplusKASSA (external_ids.mpluskassa); sync the menu or link the item", "artikel \"{}\" ({}) heeft geen artikelnummer van MplusKASSA (external_ids.mpluskassa); synchroniseer de menukaart of koppel het artikel"),
    ("combo \"{}\" ({}) has no article number of MplusKASSA (external_ids.mpluskassa); sync the menu or link the combo", "menu \"{}\" ({}) heeft geen artikelnummer van MplusKASSA (external_ids.mpluskassa); synchroniseer de menukaart of koppel het menu"),
    ("modifier \"{}\" ({} of group {}) is unknown to MplusKASSA; sync the menu", "keuze \"{}\" ({} van groep {}) is onbekend in MplusKASSA; synchroniseer de menukaart"),
    ("item \"{}\" ({}) is switched off; take it off the menu", "artikel \"{}\" ({}) staat uit; haal het van de menukaart"),
    ("item \"{}\" ({}) is not sold at location {}; take it off the menu there", "artikel \"{}\" ({}) wordt niet verkocht op locatie {}; haal het daar van de menukaart"),
    ("MplusKASSA does not have employee {} or has switched them off; choose another one in the order settings", "MplusKASSA kent medewerker {} niet of heeft die uitgezet; kies een andere bij de instellingen"),
    ("MplusKASSA does not have article {}; sync the menu or link the item anew", "MplusKASSA kent artikel {} niet; synchroniseer de menukaart of koppel het artikel opnieuw"),
    ("article {} is switched off at MplusKASSA; sync the menu", "artikel {} staat uit in MplusKASSA; synchroniseer de menukaart"),
    ("\"{}\" needs at least {} of \"{}\", and has {}", "\"{}\" vraagt minstens {} van \"{}\" en heeft er {}"),
    ("\"{}\" needs {} to {} of \"{}\", and has {}", "\"{}\" vraagt {} tot {} van \"{}\" en heeft er {}"),
    ("the branch has no table {}; choose another one", "het filiaal heeft geen tafel {}; kies een andere"),
    ("no article is set up for {}; choose one in the order settings", "er is geen artikel ingesteld voor {}; kies er een bij de instellingen"),
    ("tips", "fooien"),
    ("delivery fees", "bezorgkosten"),
    ("discounts", "kortingen"),
    ("payment method {} is not mapped to one of MplusKASSA; map it in the order settings", "betaalmethode {} is niet gekoppeld aan een van MplusKASSA; koppel die bij de instellingen"),
    ("payment method {} is mapped to \"{}\", which MplusKASSA does not have or has switched off; map it to another one", "betaalmethode {} is gekoppeld aan \"{}\", en dat kent MplusKASSA niet of het staat uit; koppel een andere"),
    ("card", "pas"),
    ("cash", "contant"),
    ("gift card", "cadeaukaart"),
    ("its total is {} euros and its lines add up to {}, a difference of {}", "het totaal is {} euro en de regels komen op {}, een verschil van {}"),
    ("it costs {} euros and {} were paid, a difference of {}", "de bestelling kost {} euro en er is {} betaald, een verschil van {}"),
    ("{} euros were paid though it is to be paid later; send it as a table order that is paid now", "er is {} euro betaald terwijl er later betaald wordt; stuur de bestelling als een tafelbestelling die nu wordt betaald"),
    ("{}: {} euros has fractions of a cent", "{}: {} euro heeft delen van een cent"),
    ("{}: {} euros cannot be right", "{}: {} euro kan niet kloppen"),
    ("{}: {} euros is below zero", "{}: {} euro is minder dan nul"),
    ("{}: MplusKASSA takes no quantity of {}; it must be above zero with at most 6 decimals", "{}: MplusKASSA neemt geen aantal van {} aan; het moet boven nul zijn met hoogstens 6 decimalen"),
    ("location {} is no branch of MplusKASSA; sync the branches", "locatie {} is geen filiaal van MplusKASSA; synchroniseer de filialen"),
    ("it is not set up at which workplace orders of location {} are entered; choose one in the order settings", "er is niet ingesteld op welke werkplek bestellingen van locatie {} worden ingevoerd; kies er een bij de instellingen"),
    ("the branch of location {} has no workplace {}; choose another one in the order settings", "het filiaal van locatie {} heeft geen werkplek {}; kies een andere bij de instellingen"),
    ("MplusKASSA does not have the fallback relation {}; choose another one in the order settings", "MplusKASSA kent relatie {} van gasten zonder account niet; kies een andere bij de instellingen"),
    ("it has no customer and no fallback relation is set up; choose one in the order settings", "er is geen klant en ook geen relatie voor gasten zonder account ingesteld; kies er een bij de instellingen"),
    ("orders are not set up for this merchant; save the order settings first", "bestellingen zijn voor dit restaurant niet ingesteld; sla eerst de instellingen op"),
    ("it asks to be kept from the POS (skip_order_sync), which is allowed in a test environment only", "de bestelling vraagt om niet naar de kassa te gaan (skip_order_sync), en dat mag alleen in een testomgeving"),
    ("order {} was kept from the POS as it asked (skip_order_sync, test environment)", "bestelling {} is op eigen verzoek niet naar de kassa gestuurd (skip_order_sync, testomgeving)"),
    // An order that waits, or of which a person is told.
    ("MplusKASSA has an order with the number {} already: {}; compare the two by hand", "MplusKASSA heeft al een bestelling met nummer {}: {}; vergelijk de twee met de hand"),
    ("MplusKASSA did not take order {} ({}): {}", "MplusKASSA heeft bestelling {} niet aangenomen ({}): {}"),
    ("order {} waits: MplusKASSA may still be at work on an earlier call and does not show the order so far; it is looked for, and sent again after {} (UTC) when it is not there then", "bestelling {} wacht: MplusKASSA is misschien nog bezig met een eerdere aanroep en toont de bestelling nog niet; er wordt naar gezocht, en na {} (UTC) wordt ze opnieuw verstuurd als ze er dan niet is"),
    ("order {} waits: MplusKASSA answered {} with {}, which does not tell whether it took the order; it is only looked for there until a person queues it again", "bestelling {} wacht: MplusKASSA antwoordde op {} met {}, en dat zegt niet of de bestelling is aangenomen; er wordt alleen naar gezocht totdat iemand haar opnieuw verstuurt"),
    ("order {} waits: table {} is in use at another workplace; it is sent when the table is released there", "bestelling {} wacht: tafel {} is in gebruik op een andere werkplek; ze wordt verstuurd zodra de tafel daar vrij is"),
    ("order {} waits: table {} is in use at workplace {}; it is sent when the table is released there", "bestelling {} wacht: tafel {} is in gebruik op werkplek {}; ze wordt verstuurd zodra de tafel daar vrij is"),
    ("order {} was taken for table {}, which somebody else opened in the same moment: the table shows the other order alone; join the two at the till", "bestelling {} is aangenomen voor tafel {}, die iemand anders op hetzelfde moment opende: de tafel toont alleen de andere bestelling; voeg de twee samen aan de kassa"),
    ("order {} waits: the order of table {} kept changing while this one was added; it is tried again", "bestelling {} wacht: de bestelling van tafel {} veranderde steeds terwijl deze werd toegevoegd; er wordt opnieuw geprobeerd"),
    ("order {} waits: workplace {} cannot be used as a terminal: {}; choose one that no handheld uses in the order settings", "bestelling {} wacht: werkplek {} kan niet als terminal worden gebruikt: {}; kies bij de instellingen een werkplek die geen handheld gebruikt"),
    ("order {} waits: something on the way to MplusKASSA refuses it, and lets other calls through ({})", "bestelling {} wacht: iets onderweg naar MplusKASSA weigert haar en laat andere aanroepen wel door ({})"),
    ("order {} waits: MplusKASSA does not accept the user name and password; check the connection ({})", "bestelling {} wacht: MplusKASSA accepteert de gebruikersnaam en het wachtwoord niet; controleer de verbinding ({})"),
    ("order {} waits: MplusKASSA cannot be reached ({})", "bestelling {} wacht: MplusKASSA is niet bereikbaar ({})"),
    ("order {} waits: {}", "bestelling {} wacht: {}"),
    ("it may be at the POS all the same", "misschien is ze toch bij de kassa"),
    ("it was tried {} times", "er is {} keer geprobeerd"),
    ("it has waited for {} minutes", "ze heeft {} minuten gewacht"),
    ("it has waited for {} hours", "ze heeft {} uur gewacht"),
    ("order {} was tried {} times: {}", "bestelling {} is {} keer geprobeerd: {}"),
    ("the workers that were sending it were not heard of again", "van de processen die haar verstuurden is niets meer gehoord"),
    ("order {} was queued for another POS ({}) than the connection leads to now: replace it by what is to be made here, or withdraw it", "bestelling {} was bedoeld voor een andere kassa ({}) dan waar de verbinding nu naartoe leidt: vervang haar door wat hier gemaakt moet worden, of trek haar in"),
    ("there is no order {}", "er is geen bestelling {}"),
    ("order {} is not at MplusKASSA: withdraw it instead", "bestelling {} is niet bij MplusKASSA: trek haar in"),
    ("order {} is a part of the order of its table; take its lines off at the till", "bestelling {} hoort bij de bestelling van haar tafel; haal de regels er aan de kassa af"),
    ("MplusKASSA did not cancel order {}: {}", "MplusKASSA heeft bestelling {} niet geannuleerd: {}"),
    ("only an order that was rejected or withdrawn, or that needs attention, can be queued again", "alleen een bestelling die is afgewezen of ingetrokken, of die aandacht vraagt, kan opnieuw worden verstuurd"),
    ("it is being sent or may be at the POS: wait for its end, or cancel it there", "ze wordt verstuurd of is misschien bij de kassa: wacht af, of annuleer haar daar"),
    ("it has ended already", "ze is al afgelopen"),
    ("the POS does not have it: withdraw it instead", "de kassa heeft haar niet: trek haar in"),
    // Connecting, and calls to the POS.
    ("the POS refused the username or the password; check both and connect again ({})", "de kassa weigert de gebruikersnaam of het wachtwoord; controleer beide en verbind opnieuw ({})"),
    ("the POS could not be asked: {}", "de kassa kon niet worden bereikt: {}"),
    ("the POS speaks protocol {}, and only 0.9.9 to 1.x are known; update this library or the POS", "de kassa spreekt protocol {}, en alleen 0.9.9 tot en met 1.x zijn bekend; werk deze software of de kassa bij"),
    ("host and port make no address: {}", "hostnaam en poort vormen geen adres: {}"),
    ("connected, but the branches were not imported: {}", "verbonden, maar de filialen zijn niet geïmporteerd: {}"),
    ("connection {} is not connected; connect the merchant first", "restaurant {} is niet verbonden; verbind het eerst"),
    ("connection {} is paused; resume it first", "restaurant {} is gepauzeerd; hervat het eerst"),
    ("connection {} leads to another POS by now; open it again", "restaurant {} is intussen met een andere kassa verbonden; open het opnieuw"),
    ("Check the MplusKASSA username and password", "Controleer de gebruikersnaam en het wachtwoord van MplusKASSA"),
    ("Check host, port and that the POS can be reached; the next sync goes on from here", "Controleer hostnaam en poort en of de kassa bereikbaar is; de volgende synchronisatie gaat hier verder"),
    ("The next sync goes on from here", "De volgende synchronisatie gaat hier verder"),
    ("See what the POS answered; the next sync tries again", "Kijk wat de kassa antwoordde; de volgende synchronisatie probeert het opnieuw"),
    ("no connection in time", "geen verbinding binnen de tijd"),
    ("no connection in time: {}", "geen verbinding binnen de tijd: {}"),
    ("no connection", "geen verbinding"),
    ("no connection: {}", "geen verbinding: {}"),
    ("no complete answer in time", "geen volledig antwoord binnen de tijd"),
    ("no complete answer in time: {}", "geen volledig antwoord binnen de tijd: {}"),
    ("the connection broke", "de verbinding werd verbroken"),
    ("the connection broke: {}", "de verbinding werd verbroken: {}"),
    ("the test till is switched off", "de testkassa is uit"),
    ("HTTP status {} without a SOAP envelope; check host and port", "HTTP-status {} zonder SOAP-antwoord; controleer hostnaam en poort"),
    ("HTTP status {}: a redirect, which is not followed; check host and port", "HTTP-status {}: een doorverwijzing, die niet wordt gevolgd; controleer hostnaam en poort"),
    ("the POS answered {}", "de kassa antwoordde {}"),
    ("the response cannot be read: {}", "het antwoord is niet te lezen: {}"),
    ("1 attempt", "1 poging"),
    ("{} attempts in {} s", "{} pogingen in {} s"),
    ("{} attempts", "{} pogingen"),
    ("a repeat would not help", "herhalen helpt niet"),
    ("no attempts left", "geen pogingen meer over"),
    ("no time left", "geen tijd meer over"),
    ("not repeated, as the POS may have carried it out; look the result up first", "niet herhaald, want de kassa heeft het misschien uitgevoerd; zoek eerst het resultaat op"),
    ("the POS may have carried out an earlier one; look the result up first", "de kassa heeft een eerdere misschien uitgevoerd; zoek eerst het resultaat op"),
    // Tables.
    ("MplusKASSA did not show table {}: {}", "MplusKASSA toonde tafel {} niet: {}"),
    // Tax.
    ("Tax mismatch: {}", "Btw klopt niet: {}"),
    ("item '{}' has {}, and {}", "artikel '{}' heeft {}, en {}"),
    ("item '{}': {}", "artikel '{}': {}"),
    ("it has no tax rate", "het heeft geen btw-tarief"),
    ("it has no BTW code in the POS", "het heeft geen btw-code in de kassa"),
    ("{} (BTW code {} in the POS) is not in the tax mapping", "{} (btw-code {} in de kassa) staat niet in de btw-koppeling"),
    ("{} is not in the tax mapping", "{} staat niet in de btw-koppeling"),
    ("the POS has no BTW code at {} for BTW {}", "de kassa heeft geen btw-code van {} voor btw {}"),
    ("the POS has several BTW codes at {} ({})", "de kassa heeft meer btw-codes van {} ({})"),
    ("{} (it has none at all)", "{} (ze heeft er geen)"),
    ("{} (it has {})", "{} (ze heeft {})"),
    ("the POS has no BTW code {}", "de kassa heeft geen btw-code {}"),
    ("BTW code {} is {} in the POS but BTW {} {} in the tax mapping", "btw-code {} is {} in de kassa, maar btw {} {} in de btw-koppeling"),
    ("the POS's BTW code {} stands for several rates ({})", "btw-code {} van de kassa staat voor meer tarieven ({})"),
    ("Give the item a tax rate", "Geef het artikel een btw-tarief"),
    ("Give the article a BTW code in the POS", "Geef het artikel een btw-code in de kassa"),
    ("Add {} to the tax mapping, or correct the item's tax rate", "Zet {} in de btw-koppeling, of verbeter het btw-tarief van het artikel"),
    ("Set up BTW {} in the POS, or change the tax mapping", "Stel btw {} in de kassa in, of wijzig de btw-koppeling"),
    ("Say in the tax mapping which of them is BTW {}", "Zeg in de btw-koppeling welke daarvan btw {} is"),
    ("Set up the code in the POS, or change the tax mapping", "Stel de code in de kassa in, of wijzig de btw-koppeling"),
    ("Correct the tax mapping, or the BTW setup in the POS", "Verbeter de btw-koppeling, of de btw-instelling in de kassa"),
    ("Set the country of the tax mapping, or correct the BTW setup in the POS", "Stel het land van de btw-koppeling in, of verbeter de btw-instelling in de kassa"),
    // The log of runs.
    ("{} sync completed ({})", "{} synchronisatie afgerond ({})"),
    ("{} sync completed, with something to look at ({})", "{} synchronisatie afgerond, met iets om naar te kijken ({})"),
    ("{} sync cancelled; the next sync goes on from here ({})", "{} synchronisatie gestopt; de volgende gaat hier verder ({})"),
    ("{} sync not begun, as another run of this connection is at it ({})", "{} synchronisatie niet begonnen, want er is al een andere bezig ({})"),
    ("{} sync failed: {} ({})", "{} synchronisatie mislukt: {} ({})"),
    ("{} sync incomplete: {} ({})", "{} synchronisatie onvolledig: {} ({})"),
    ("manual", "handmatige"),
    ("manual dry run", "handmatige (proef)"),
    ("scheduled", "dagelijkse"),
    ("webhook", "door de kassa gevraagde"),
    ("nothing changed", "er veranderde niets"),
    ("{} pulled", "{} overgenomen"),
    ("{} pushed", "{} verstuurd"),
    ("{} skipped", "{} overgeslagen"),
    ("{} in conflict", "{} in conflict"),
    ("{} to do by hand", "{} met de hand te doen"),
    ("{} to complete", "{} aan te vullen"),
    ("{} failed", "{} mislukt"),
    // Payments and refunds.
    ("external payment {} is not known", "betaling {} is niet bekend"),
    ("external payment {} has {} euros to give back", "van betaling {} kan {} euro worden terugbetaald"),
    ("refund {} was already asked for with another amount", "terugbetaling {} is al met een ander bedrag aangevraagd"),
    ("the payment provider {} refused: {}", "betaalprovider {} weigerde: {}"),
    ("the payment provider {} cannot take it now: {}", "betaalprovider {} kan dit nu niet aannemen: {}"),
    ("the payment provider {} cannot be reached or does not answer: {}", "betaalprovider {} is niet bereikbaar of antwoordt niet: {}"),
    ("No payment provider is assigned to branch {} for payment method {}: assign a payment profile to the location", "Er is geen betaalprovider voor filiaal {} en betaalmethode {}: wijs een betaalprofiel aan de locatie toe"),
    // Subscriptions and events.
    ("the subscription's secret is empty", "de Secret Key is leeg"),
    ("the subscription's secret is not base64 text; copy the Secret Key from the POS's webhook settings again", "de Secret Key is geen base64-tekst; kopieer hem nog eens uit de webhookinstellingen van MplusKASSA"),
    ("callbacks go to an https address, or to http on this machine", "callbacks gaan naar een https-adres, of naar http op deze machine"),
    ("the inbox has no entry {}", "er is geen gebeurtenis {}"),
    ("entry {} is being worked on", "gebeurtenis {} wordt nu verwerkt"),
    ("entry {} ended so long ago that its body is no longer kept", "gebeurtenis {} is zo lang geleden dat de inhoud niet meer bewaard is"),
    // Any call; behind everything that begins with more than its name.
    ("{} failed: {} ({}; {})", "{} mislukte: {} ({}; {})"),
    ("{} failed: {}; nothing was sent", "{} mislukte: {}; er is niets verstuurd"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mplus_sync::connection::{ConnectError, OpenError};
    use mplus_sync::model::{PaymentMethod, TableRef};
    use mplus_sync::orders::Problem;
    use mplus_sync::tax::{TaxMapping, VatGroup};
    use rust_decimal::Decimal;

    use super::*;

    #[test]
    fn every_sentence_has_the_same_gaps_in_both_languages_and_comes_once() {
        let mut known = BTreeSet::new();
        for (english, dutch) in SENTENCES_KNOWN {
            assert_eq!(english.matches("{}").count(), dutch.matches("{}").count(), "{english}");
            assert!(known.insert(english), "{english} comes twice");
        }
    }

    /// Every problem that keeps an order from the till.
    fn problems() -> Vec<Problem> {
        let (name, what) = ("Steak; rare".to_owned(), "the line".to_owned());
        let (total, paid, amount) = (Decimal::TEN, Decimal::ONE, Decimal::TWO);
        let (location, employee) = (|| "city".into(), 7);
        let (item, group, modifier) = (|| "steak".into(), "doneness".into(), "rare".into());
        let count = |maximum| Problem::ModifierCount {
            name: "Steak".to_owned(),
            group: "Doneness".to_owned(),
            chosen: paid,
            minimum: 2,
            maximum,
        };
        vec![
            Problem::Empty,
            Problem::ItemUnlinked { name: name.clone(), item: item() },
            Problem::ComboUnlinked { name: name.clone(), combo: "menu".into() },
            Problem::ModifierUnlinked { name: name.clone(), group, modifier },
            Problem::ItemInactive { name: name.clone(), item: item() },
            Problem::NotSoldHere { name, item: item(), location: location() },
            Problem::EmployeeUnknown { employee },
            Problem::ArticleUnknown { article: 1003.into() },
            Problem::ArticleInactive { article: 1003.into() },
            count(Some(3)),
            count(None),
            Problem::TableUnknown { table: TableRef::whole(3) },
            Problem::NoArticle { what: "tips" },
            Problem::PaymentUnmapped { method: PaymentMethod::Card },
            Problem::PaymentUnknown { method: PaymentMethod::Ideal, code: "IDEAL".to_owned() },
            Problem::TotalDiffers { total, lines: paid },
            Problem::PaymentsDiffer { total, paid },
            Problem::PaidBeforehand { paid },
            Problem::FractionOfCent { what: what.clone(), amount },
            Problem::TooLarge { what: what.clone(), amount },
            Problem::Negative { what: what.clone(), amount },
            Problem::Quantity { what, quantity: amount },
            Problem::NoBranch { location: location() },
            Problem::NoWorkplace { location: location() },
            Problem::WorkplaceUnknown { location: location(), workplace: 2 },
            Problem::NoRelation,
            Problem::RelationUnknown { relation: 5.into() },
            Problem::NotSetUp,
            Problem::SkipOutsideTest,
        ]
    }

    #[test]
    fn whatever_is_wrong_with_an_order_is_told_in_dutch_one_after_the_other() {
        for problem in problems() {
            let said = problem.to_string();
            let told = Lang::Nl.reason_of(&said);
            assert!(told.as_ref().is_some_and(|told| *told != said), "{said}: {told:?}");
            let refused = format!(
                "order K-1 was not sent to the POS: {}; {said}; {}",
                Problem::Empty,
                Problem::NoRelation
            );
            let told = Lang::Nl.reason(&refused);
            assert!(
                told.starts_with("bestelling K-1 is niet naar de kassa gestuurd: er staan geen regels op; "),
                "{told}"
            );
            assert!(told.contains("er is geen klant en ook geen relatie"), "{told}");
            assert_eq!(Lang::En.reason(&said), said);
        }
    }

    #[test]
    fn why_a_restaurant_is_not_connected_is_told_in_dutch() {
        use mplus_qapi::transport::{TransportError, TransportErrorKind};
        use mplus_qapi::{Error, ErrorKind};
        let away = || {
            let refused = TransportError::new(TransportErrorKind::Connect, "nobody listens there");
            Error::new("getApiVersion", ErrorKind::Transport(refused)).with_attempts(3)
        };
        let told = Lang::Nl.reason(&ConnectError::Pos { error: away() }.to_string());
        for part in [
            "de kassa kon niet worden bereikt",
            "geen verbinding: nobody listens there",
            "3 pogingen",
            "poort",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("failed") && !told.contains("next sync"), "{told}");
        for error in [
            ConnectError::Refused(away()),
            ConnectError::Protocol("2.0".to_owned()),
            ConnectError::Address("x".to_owned()),
        ] {
            assert!(Lang::Nl.reason_of(&error.to_string()).is_some(), "{error}");
        }
        let open = OpenError::NotConnected("cafe".into()).to_string();
        assert!(Lang::Nl.reason_of(&open).is_some(), "{open}");
        // As a connection keeps it.
        let kept = format!(
            "{}. Check host, port and that the POS can be reached; the next sync goes on from here",
            away()
        );
        let told = Lang::Nl.reason(&kept);
        assert!(
            told.ends_with("de volgende synchronisatie gaat hier verder") && told.contains("mislukte"),
            "{told}"
        );
    }

    #[test]
    fn a_rate_that_does_not_fit_is_told_in_dutch() {
        let table = TaxMapping::empty()
            .with_rate(Decimal::from(6), "Oud")
            .with_code(Decimal::from(21), "Hoog", 1.into())
            .check(&[VatGroup::new(1.into(), Decimal::from(9))]);
        for rate in [6, 21, 12] {
            let Err(problem) = table.code_for("", Some(Decimal::from(rate))) else { panic!("{rate} fits") };
            for said in [problem.kind.to_string(), problem.kind.advice(), problem.to_string()] {
                assert!(Lang::Nl.reason_of(&said).is_some(), "{said}");
            }
        }
    }

    #[test]
    fn a_sentence_that_is_not_known_stays_as_it_is() {
        let said = "the flux is low; add flux";
        assert_eq!((Lang::Nl.reason_of(said), Lang::Nl.reason(said)), (None, said.to_owned()));
        let many = "no connection; ".repeat(200);
        assert_eq!(Lang::Nl.reason(&many), many);
    }
}
