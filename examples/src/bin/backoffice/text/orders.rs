//! Orders, tables.

use mplus_sync::model::OutboxStateKind;

super::texts! {
    WAITING = "Waiting", "Wacht";
    SENDING = "Being sent", "Wordt verstuurd";
    ACCEPTED = "At the till", "Bij de kassa";
    REJECTED = "Rejected", "Afgewezen";
    NEEDS_ATTENTION = "Needs attention", "Vraagt aandacht";
    WITHDRAWN = "Withdrawn", "Ingetrokken";
    CANCELLED = "Cancelled", "Geannuleerd";
    SKIPPED = "Kept from the till", "Niet naar de kassa";
    ABOUT = "Paid orders go to MplusKASSA by themselves and wait as long as it is away. What is refused waits for you here.", "Betaalde bestellingen gaan vanzelf naar MplusKASSA en wachten zolang de kassa weg is. Wat geweigerd wordt, wacht hier op jou.";
    NO_ORDERS = "No order in this state", "Geen bestelling met deze status";
    NO_ORDERS_ABOUT = "Place one at the kiosk to see one here.", "Plaats er een in de kiosk om hier iets te zien.";
    FIND = "Number of an order", "Nummer van een bestelling";
    NOT_FOUND = "There is no order with this number.", "Er is geen bestelling met dit nummer.";
    NUMBER = "Order", "Bestelling";
    KIND = "Kind", "Soort";
    PICKUP = "Pick-up", "Afhalen";
    DELIVERY = "Delivery", "Bezorgen";
    TABLE_LATER = "Table {}, pays later", "Tafel {}, betaalt later";
    TABLE_NOW = "Table {}, paid", "Tafel {}, betaald";
    TOTAL = "Total", "Totaal";
    QUEUED_AT = "Placed", "Geplaatst";
    REQUESTED_AT = "Wanted at", "Gewenst om";
    AWAY_SINCE = "MplusKASSA cannot be reached since {}", "MplusKASSA is niet bereikbaar sinds {}";
    CLAIMED_SINCE = "Somebody works at the table since {}", "Er wordt aan de tafel gewerkt sinds {}";
    RESTING = "Is tried again at {}", "Wordt opnieuw geprobeerd om {}";
    ITS_TURN = "Its turn comes", "Is zo aan de beurt";
    SELECT = "Select {}", "{} selecteren";
    SELECT_ALL = "Select all of this page", "Alles op deze pagina selecteren";
    REQUEUE = "Send again", "Opnieuw versturen";
    REQUEUE_ALL = "Send all again that wait for you", "Alles opnieuw versturen wat op jou wacht";
    WITHDRAW = "Withdraw", "Intrekken";
    WITHDRAW_REASON = "Why it is withdrawn", "Waarom ze wordt ingetrokken";
    BY_HAND = "by hand", "met de hand";
    REQUEUED = "Orders that are sent again: {}.", "Bestellingen die opnieuw worden verstuurd: {}.";
    WITHDRAWN_NOW = "Orders that were withdrawn: {}.", "Ingetrokken bestellingen: {}.";
    NOT_DONE = "{} could not be changed: {}", "{} kon niet worden gewijzigd: {}";
    NOTHING_SELECTED = "Select orders first.", "Selecteer eerst bestellingen.";
    LINES = "Lines", "Regels";
    QUANTITY = "Quantity", "Aantal";
    UNIT_PRICE = "Price of one", "Prijs per stuk";
    SUM = "Sum", "Som";
    PAID = "Paid", "Betaald";
    GUEST = "Guest", "Gast";
    NOTE = "Remark", "Opmerking";
    POS_NUMBER = "Order number at the till", "Bestelnummer aan de kassa";
    ATTEMPTS = "Refusals", "Weigeringen";
    LAST_ERROR = "Last problem", "Laatste probleem";
    MAY_BE_THERE = "An earlier attempt may have reached the till; it is looked for there before it is sent again.", "Een eerdere poging heeft de kassa misschien bereikt; er wordt eerst gekeken voordat ze opnieuw wordt verstuurd.";
    CANCEL = "Cancel at the till", "Annuleren aan de kassa";
    CANCEL_ABOUT = "What was paid is not given back by this: see payments.", "Wat betaald is, wordt hiermee niet terugbetaald: zie betalingen.";
    CANCELLED_NOW = "The order was cancelled at the till.", "De bestelling is aan de kassa geannuleerd.";
    REPLACE = "Correct and send again", "Verbeteren en opnieuw versturen";
    REPLACE_ABOUT = "Change quantities (0 removes a line) or the remark; the total follows.", "Wijzig aantallen (0 verwijdert een regel) of de opmerking; het totaal volgt.";
    GIVE_BACK = "Give back what was paid too much", "Terugbetalen wat te veel is betaald";
    GIVE_BACK_HINT = "The till takes no paid order that comes to less than was paid.", "De kassa neemt geen betaalde bestelling aan die op minder uitkomt dan is betaald.";
    PAID_TOO_MUCH = "Nothing was sent: {} more was paid than the order comes to now, and the till refuses that. Have it given back, or withdraw the order and give all of it back.", "Er is niets verstuurd: er is {} meer betaald dan de bestelling nu kost, en dat weigert de kassa. Laat het terugbetalen, of trek de bestelling in en betaal alles terug.";
    PAID_TOO_LITTLE = "Nothing was sent: the order comes to more than was paid, and the till refuses that.", "Er is niets verstuurd: de bestelling kost meer dan er is betaald, en dat weigert de kassa.";
    NOT_A_QUANTITY = "Nothing was sent: a quantity is a number from zero, such as 2 or 0,5.", "Er is niets verstuurd: een aantal is een getal vanaf nul, zoals 2 of 0,5.";
    ITS_PAYMENT = "Look at the payment", "Betaling bekijken";
    ITS_ORDER = "Order", "Bestelling";
    WITHDRAW_PAID = "This order is paid: withdrawing it gives nothing back. Do that at its payment.", "Deze bestelling is betaald: intrekken betaalt niets terug. Doe dat bij de betaling.";
    CORRECTED_MEANWHILE = "Nothing was sent: somebody else has corrected this order since you opened it. It stands below as it is now.", "Er is niets verstuurd: iemand anders heeft deze bestelling verbeterd nadat jij haar opende. Hieronder staat ze zoals ze nu is.";
    REPLACED = "The corrected order is sent.", "De verbeterde bestelling wordt verstuurd.";
    NO_LINES = "An order needs a line.", "Een bestelling heeft een regel nodig.";
    TABLES_ABOUT = "Tables, areas and courses come from MplusKASSA.", "Tafels, zones en gangen komen uit MplusKASSA.";
    READ_TABLES = "Read tables from MplusKASSA", "Tafels uit MplusKASSA ophalen";
    TABLES_READ = "Tables that were read: {}.", "Opgehaalde tafels: {}.";
    NO_TABLES = "No tables yet", "Nog geen tafels";
    NO_TABLES_ABOUT = "Read them from MplusKASSA.", "Haal ze op uit MplusKASSA.";
    READ_AT = "Read {}", "Opgehaald {}";
    TABLE = "Table {}", "Tafel {}";
    OTHER_TABLES = "Tables without an area", "Tafels zonder zone";
    COURSES = "Courses", "Gangen";
    NO_ANSWER = "MplusKASSA does not answer. Look again in a moment.", "MplusKASSA antwoordt niet. Kijk zo nog eens.";
    FREE = "Free", "Vrij";
    OPEN = "Open: {}", "Open: {}";
    CLAIMED = "Somebody works at it", "Er wordt aan gewerkt";
    LOOK = "Look at the till", "Aan de kassa kijken";
    PREPAID = "{} of it paid", "{} daarvan betaald";
}

/// The word for a state.
pub(crate) fn state(kind: OutboxStateKind) -> super::Text {
    match kind {
        OutboxStateKind::Waiting => WAITING,
        OutboxStateKind::Sending => SENDING,
        OutboxStateKind::Accepted => ACCEPTED,
        OutboxStateKind::Rejected => REJECTED,
        OutboxStateKind::Withdrawn => WITHDRAWN,
        OutboxStateKind::Cancelled => CANCELLED,
        OutboxStateKind::Skipped => SKIPPED,
        _ => NEEDS_ATTENTION,
    }
}
