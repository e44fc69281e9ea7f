//! Menu and stock.

super::texts! {
    ITEMS = "items", "artikelen";
    CATEGORIES = "categories", "categorieën";
    ABOUT = "What MplusKASSA has, and what you changed here. Changes are sent with the next sync.", "Wat MplusKASSA heeft en wat je hier hebt veranderd. Wijzigingen gaan mee met de volgende synchronisatie.";
    SEND = "Send changes now", "Wijzigingen nu versturen";
    EMPTY = "The menu is empty", "De menukaart is leeg";
    EMPTY_ABOUT = "Sync Now takes the menu over from MplusKASSA.", "Nu synchroniseren haalt de menukaart op uit MplusKASSA.";
    NOTHING_FOUND = "Nothing fits", "Niets gevonden";
    NOTHING_FOUND_ABOUT = "Try another word or another category.", "Probeer een ander woord of een andere categorie.";
    CATEGORY = "Category", "Categorie";
    CATEGORY_TEXT = "Part of a category's name", "Deel van de naam van een categorie";
    BEING_READ = "The menu is being read. This page updates itself in a moment.", "De menukaart wordt gelezen. Deze pagina werkt zichzelf zo bij.";
    MORE_COMBOS = "More combos", "Meer menu's";
    ONLY = "Items", "Artikelen";
    ONLY_OFF = "not for sale", "niet te koop";
    ONLY_EDITED = "changed here, not sent yet", "hier gewijzigd, nog niet verstuurd";
    ONLY_UNLINKED = "without an article number", "zonder artikelnummer";
    ITEM = "Item", "Artikel";
    PICTURE = "Picture", "Foto";
    PRICE = "Price", "Prijs";
    PRICE_HINT = "Euros, VAT included.", "Euro, inclusief btw.";
    PRICE_AT = "Price at {}", "Prijs bij {}";
    PRICE_AT_HINT = "Empty: the price above.", "Leeg: de prijs hierboven.";
    LOCATION_PRICES = "Prices of single locations", "Prijzen van afzonderlijke locaties";
    ARTICLE = "Article", "Artikelnummer";
    NOT_LINKED = "Not known at MplusKASSA yet", "Nog niet bekend in MplusKASSA";
    ON_SALE = "For sale", "Te koop";
    OFF_SALE = "Not for sale", "Niet te koop";
    HIDDEN = "Hidden from guests", "Verborgen voor gasten";
    HIDDEN_HINT = "Only here; the till still sells it.", "Alleen hier; de kassa verkoopt het nog.";
    ACTIVE = "For sale at the till", "Te koop aan de kassa";
    EDITED = "Changed, not sent yet", "Gewijzigd, nog niet verstuurd";
    NAME = "Name", "Naam";
    DESCRIPTION = "Description for guests", "Omschrijving voor gasten";
    TAX_RATE = "VAT rate in per cent", "Btw-tarief in procenten";
    NOT_AN_AMOUNT = "An amount from zero is written as 2,50; thousands as 1250 or 1250,00.", "Een bedrag vanaf nul schrijf je als 2,50; duizendtallen als 1250 of 1250,00.";
    NEEDS_NAME = "An item needs a name.", "Een artikel heeft een naam nodig.";
    SAVED = "Saved. It is sent with the next sync.", "Opgeslagen. Het gaat mee met de volgende synchronisatie.";
    STALE = "Saved, but {} had been changed at the till meanwhile and stayed as it is now.", "Opgeslagen, maar {} was intussen aan de kassa veranderd en bleef zoals het nu is.";
    UNCHANGED = "Nothing was changed.", "Er is niets veranderd.";
    ALLERGENS = "Allergens", "Allergenen";
    DIETS = "Diets", "Diëten";
    MAYBE = "{} (traces)", "{} (sporen)";
    GROUPS = "Modifier groups", "Keuzegroepen";
    GROUPS_HINT = "They are changed in MplusKASSA and come here with the next sync.", "Ze worden in MplusKASSA gewijzigd en komen met de volgende synchronisatie hierheen.";
    CHOOSE = "{} to {} of:", "{} tot {} van:";
    CHOOSE_ANY = "{} or more of:", "{} of meer van:";
    COMBOS = "Combos", "Menu's";
    NO_COMBOS = "No combo yet. MplusKASSA calls them article menus.", "Nog geen menu. MplusKASSA noemt ze artikelmenu's.";
    COMBO_HINT = "A choice that is removed here has to be removed by hand in MplusKASSA; the report names it.", "Een keuze die hier wordt verwijderd, moet met de hand uit MplusKASSA worden verwijderd; het verslag noemt haar.";
    PLU = "PLU", "PLU";
    BARCODES = "Barcodes", "Barcodes";
    MINIMUM_AGE = "Minimum age", "Minimumleeftijd";
    STOCK_ABOUT = "How much each location can sell, as MplusKASSA counts it. Nothing is sent back.", "Hoeveel elke locatie kan verkopen, zoals MplusKASSA telt. Er wordt niets teruggestuurd.";
    STOCK_OFF = "Sync Stock is switched off", "Voorraad synchroniseren staat uit";
    STOCK_OFF_ABOUT = "Switch it on in the settings to see stock here.", "Zet het aan bij de instellingen om hier voorraad te zien.";
    NO_STOCK = "No stock yet", "Nog geen voorraad";
    NO_STOCK_ABOUT = "Either the till keeps no stock at this location, or it was never pulled: press Sync Now.", "De kassa houdt op deze locatie geen voorraad bij, of ze is nog nooit opgehaald: druk op Nu synchroniseren.";
    LOCATION = "Location", "Locatie";
    AMOUNT = "Can be sold", "Te verkopen";
    PER_DAY = "per day", "per dag";
    SOLD_OUT = "Sold out", "Uitverkocht";
    CHANGED_AT = "Changed at the till", "Veranderd aan de kassa";
    FIELD_NAME = "the name", "de naam";
    FIELD_DESCRIPTION = "the description", "de omschrijving";
    FIELD_PRICE = "the price", "de prijs";
    FIELD_LOCATION_PRICE = "the price of a location", "de prijs van een locatie";
    FIELD_TAX_RATE = "the VAT rate", "het btw-tarief";
    FIELD_CATEGORY = "the category", "de categorie";
    FIELD_PARTS = "the choices", "de keuzes";
    FIELD_ACTIVE = "whether it is for sale", "of het te koop is";
    FIELD_HIDDEN = "whether guests see it", "of gasten het zien";
}

impl super::Lang {
    /// A field of the menu as people call it; one that is not in the table by its own name.
    pub(crate) fn field(self, name: &str) -> String {
        let text = match name {
            "name" => FIELD_NAME,
            "description" => FIELD_DESCRIPTION,
            "price" => FIELD_PRICE,
            "tax_rate" => FIELD_TAX_RATE,
            "category" => FIELD_CATEGORY,
            "parts" => FIELD_PARTS,
            "active" => FIELD_ACTIVE,
            "hidden" => FIELD_HIDDEN,
            name if name.starts_with("location_prices/") => FIELD_LOCATION_PRICE,
            other => return other.replace('_', " "),
        };
        self[text].to_owned()
    }
}
