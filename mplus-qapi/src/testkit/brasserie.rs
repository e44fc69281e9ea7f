//! "Brasserie De Gouden Leeuw": a menu of about sixty articles in three branches, as data.

use super::catalogue::{FREE, HIGH, LOW};

/// A line of the menu: one product, an article for each of its sizes.
pub(super) struct Dish {
    pub(super) name: &'static str,
    pub(super) group: i32,
    pub(super) vat: i32,
    /// Size (empty when there is but one) and price in cents.
    pub(super) sizes: &'static [(&'static str, i64)],
    pub(super) about: &'static str,
    /// Numbers of allergens, from 1.
    pub(super) allergens: &'static [i32],
    /// Numbers of diets, from 1.
    pub(super) diets: &'static [i32],
    /// Preparation method groups.
    pub(super) choices: &'static [i32],
    pub(super) stock: Option<Stock>,
    /// Whether it has a picture.
    pub(super) picture: bool,
}

/// What is there of each size, in each branch: digits and their scale.
pub(super) type Stock = (i64, u32);

/// Number, parent, name.
pub(super) const GROUPS: [(i32, i32, &str); 14] = [
    (1, 0, "Dranken"),
    (11, 1, "Warme dranken"),
    (12, 1, "Frisdranken"),
    (13, 1, "Bieren"),
    (14, 1, "Wijnen"),
    (2, 0, "Keuken"),
    (21, 2, "Ontbijt & lunch"),
    (22, 2, "Voorgerechten"),
    (23, 2, "Hoofdgerechten"),
    (24, 2, "Bijgerechten"),
    (25, 2, "Desserts"),
    (26, 2, "Menu's & arrangementen"),
    (3, 0, "Winkel"),
    (31, 3, "Cadeaubonnen"),
];

/// Groups that hold products.
pub(super) const LEAF_GROUPS: [i32; 11] = [11, 12, 13, 14, 21, 22, 23, 24, 25, 26, 31];

const DRINK: Dish = Dish {
    name: "",
    group: 12,
    vat: LOW,
    sizes: &[],
    about: "",
    allergens: &[],
    diets: &[1, 2],
    choices: &[],
    stock: None,
    picture: false,
};
const MEAL: Dish = Dish { group: 23, diets: &[], ..DRINK };

/// The menu. Product numbers follow the order, from 1; article numbers too, from 1001.
pub(super) const MENU: &[Dish] = &[
    Dish { name: "Espresso", group: 11, sizes: &[("enkel", 2_80), ("dubbel", 3_95)], choices: &[5], ..DRINK },
    Dish {
        name: "Cappuccino",
        group: 11,
        sizes: &[("", 3_50)],
        allergens: &[7],
        diets: &[1],
        choices: &[1],
        ..DRINK
    },
    Dish {
        name: "Café au lait",
        group: 11,
        sizes: &[("", 3_60)],
        allergens: &[7],
        diets: &[1],
        choices: &[1],
        ..DRINK
    },
    Dish {
        name: "Verse muntthee",
        group: 11,
        sizes: &[("glas", 3_75), ("pot", 6_50)],
        about: "Met honing van het dak",
        ..DRINK
    },
    Dish {
        name: "Jus d'orange",
        sizes: &[("klein", 3_95), ("groot", 5_75)],
        about: "Vers geperst",
        picture: true,
        ..DRINK
    },
    Dish { name: "Coca-Cola", sizes: &[("", 3_20)], stock: Some((144, 0)), ..DRINK },
    Dish { name: "Bitter lemon", sizes: &[("", 3_20)], stock: Some((48, 0)), ..DRINK },
    Dish {
        name: "Chaudfontaine",
        sizes: &[("25 cl", 3_00), ("75 cl", 6_25)],
        about: "Plat of bruisend",
        stock: Some((60, 0)),
        ..DRINK
    },
    Dish {
        name: "Pilsener van 't vat",
        group: 13,
        vat: HIGH,
        sizes: &[("25 cl", 3_40), ("50 cl", 6_60)],
        allergens: &[1],
        ..DRINK
    },
    Dish {
        name: "Witbier",
        group: 13,
        vat: HIGH,
        sizes: &[("", 4_80)],
        allergens: &[1],
        stock: Some((72, 0)),
        ..DRINK
    },
    Dish {
        name: "Trappist dubbel",
        group: 13,
        vat: HIGH,
        sizes: &[("", 5_40)],
        allergens: &[1],
        stock: Some((24, 0)),
        picture: true,
        ..DRINK
    },
    Dish {
        name: "Rosé de Provence",
        group: 14,
        vat: HIGH,
        sizes: &[("glas", 5_95), ("fles", 29_50)],
        allergens: &[12],
        stock: Some((12_750, 3)),
        ..DRINK
    },
    Dish {
        name: "Grüner Veltliner",
        group: 14,
        vat: HIGH,
        sizes: &[("glas", 6_25), ("fles", 31_00)],
        allergens: &[12],
        ..DRINK
    },
    Dish { name: "Port", group: 14, vat: HIGH, sizes: &[("", 5_25)], allergens: &[12], ..DRINK },
    Dish {
        name: "Croissant",
        group: 21,
        sizes: &[("", 2_95)],
        allergens: &[1, 3, 7],
        diets: &[1],
        stock: Some((36, 0)),
        picture: true,
        ..MEAL
    },
    Dish {
        name: "Uitsmijter ham & kaas",
        group: 21,
        sizes: &[("", 11_50)],
        allergens: &[1, 3, 7],
        choices: &[4],
        ..MEAL
    },
    Dish { name: "Croque-monsieur", group: 21, sizes: &[("", 10_75)], allergens: &[1, 7, 10], ..MEAL },
    Dish {
        name: "Broodje kroket",
        group: 21,
        sizes: &[("één kroket", 6_50), ("twee kroketten", 10_25)],
        allergens: &[1, 7, 9, 10],
        ..MEAL
    },
    Dish {
        name: "Soupe à l'oignon",
        group: 22,
        sizes: &[("", 8_50)],
        allergens: &[1, 7, 9],
        picture: true,
        ..MEAL
    },
    Dish {
        name: "Pâté en croûte",
        group: 22,
        sizes: &[("", 12_75)],
        about: "Met cornichons",
        allergens: &[1, 3, 7, 10],
        ..MEAL
    },
    Dish {
        name: "Gamba's in knoflookolie",
        group: 22,
        sizes: &[("4 stuks", 13_50), ("6 stuks", 17_50)],
        allergens: &[2],
        ..MEAL
    },
    Dish {
        name: "Bietencarpaccio",
        group: 22,
        sizes: &[("", 11_25)],
        about: "Geitenkaas, walnoot",
        allergens: &[7, 8],
        diets: &[1],
        choices: &[4],
        ..MEAL
    },
    Dish {
        name: "Entrecôte",
        sizes: &[("200 g", 27_50), ("300 g", 34_50)],
        allergens: &[7],
        choices: &[2, 3],
        stock: Some((8_400, 3)),
        picture: true,
        ..MEAL
    },
    Dish {
        name: "Bœuf bourguignon",
        sizes: &[("", 24_50)],
        allergens: &[1, 7, 9, 12],
        picture: true,
        ..MEAL
    },
    Dish {
        name: "Moules-frites",
        sizes: &[("", 23_95)],
        about: "Zeeuwse mosselen, R in de maand",
        allergens: &[9, 12, 14],
        choices: &[3],
        ..MEAL
    },
    Dish { name: "Zeebaars à la meunière", sizes: &[("", 26_50)], allergens: &[1, 4, 7], ..MEAL },
    Dish {
        name: "Leeuwburger",
        sizes: &[("", 18_50)],
        allergens: &[1, 3, 7, 10, 11],
        choices: &[2, 3, 4],
        picture: true,
        ..MEAL
    },
    Dish {
        name: "Risotto met paddenstoelen",
        sizes: &[("", 19_75)],
        allergens: &[7, 12],
        diets: &[1],
        ..MEAL
    },
    Dish {
        name: "Linzencurry",
        sizes: &[("", 17_95)],
        about: "Pittig",
        allergens: &[10],
        diets: &[1, 2, 3],
        ..MEAL
    },
    Dish {
        name: "Verse friet",
        group: 24,
        sizes: &[("klein", 4_25), ("groot", 5_95)],
        diets: &[1, 2],
        choices: &[3],
        ..MEAL
    },
    Dish { name: "Haricots verts", group: 24, sizes: &[("", 5_25)], diets: &[1, 2, 3], ..MEAL },
    Dish {
        name: "Brood met aïoli",
        group: 24,
        sizes: &[("", 6_75)],
        allergens: &[1, 3],
        diets: &[1],
        ..MEAL
    },
    Dish {
        name: "Crème brûlée",
        group: 25,
        sizes: &[("", 8_75)],
        allergens: &[3, 7],
        diets: &[1],
        picture: true,
        ..MEAL
    },
    Dish {
        name: "Tarte tatin",
        group: 25,
        sizes: &[("punt", 7_95), ("hele taart", 42_00)],
        allergens: &[1, 3, 7],
        diets: &[1],
        stock: Some((3_5, 1)),
        ..MEAL
    },
    Dish { name: "Dame blanche", group: 25, sizes: &[("", 8_50)], allergens: &[3, 7], diets: &[1], ..MEAL },
    Dish { name: "Kaasplank met port", group: 25, sizes: &[("", 16_50)], allergens: &[1, 7, 8, 12], ..MEAL },
    Dish {
        name: "Driegangenmenu",
        group: 26,
        sizes: &[("", 39_50)],
        about: "Kies een voor-, hoofd- en nagerecht",
        ..MEAL
    },
    Dish { name: "Kindermenu", group: 26, sizes: &[("", 12_50)], about: "Met ijsje toe", ..MEAL },
    Dish { name: "Havermelk", group: 11, sizes: &[("", 45)], allergens: &[1], ..DRINK },
    Dish { name: "Aïoli", group: 24, sizes: &[("", 75)], allergens: &[3], diets: &[1], ..MEAL },
    Dish { name: "Pepersaus", group: 24, sizes: &[("", 2_75)], allergens: &[7], ..MEAL },
    Dish { name: "Extra bacon", group: 24, sizes: &[("", 2_25)], ..MEAL },
    Dish { name: "Cadeaubon", group: 31, vat: FREE, sizes: &[("€ 25", 25_00), ("€ 50", 50_00)], ..MEAL },
];

/// A group of choices: number, name, must be chosen, fewest and most, its items.
pub(super) struct Choices {
    pub(super) number: i32,
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) range: (i32, i32),
    /// What is on the button, and the product whose first article it adds, if any.
    pub(super) items: &'static [(&'static str, Option<&'static str>)],
}

pub(super) const PREPARATION: [Choices; 5] = [
    Choices {
        number: 1,
        name: "Melk",
        required: false,
        range: (0, 1),
        items: &[("Volle melk", None), ("Lactosevrij", None), ("Havermelk", Some("Havermelk"))],
    },
    Choices {
        number: 2,
        name: "Bakwijze",
        required: true,
        range: (1, 1),
        items: &[("Rood", None), ("Rosé", None), ("À point", None), ("Doorbakken", None)],
    },
    Choices {
        number: 3,
        name: "Saus",
        required: false,
        range: (0, 2),
        items: &[("Mayonaise", None), ("Aïoli", Some("Aïoli")), ("Pepersaus", Some("Pepersaus"))],
    },
    Choices {
        number: 4,
        name: "Extra's & zonder",
        required: false,
        range: (0, 3),
        items: &[("Extra bacon", Some("Extra bacon")), ("Zonder ui", None), ("Zonder noten", None)],
    },
    Choices {
        number: 5,
        name: "Bij de koffie",
        required: false,
        range: (0, 1),
        items: &[("Melk", None), ("Suiker", None)],
    },
];

pub(super) const CROSS_SELL: Choices = Choices {
    number: 11,
    name: "Iets erbij?",
    required: false,
    range: (0, 2),
    items: &[("Verse friet", Some("Verse friet")), ("Haricots verts", Some("Haricots verts"))],
};

pub(super) const REPLACEMENT: Choices = Choices {
    number: 12,
    name: "In plaats van friet",
    required: false,
    range: (0, 1),
    items: &[("Haricots verts", Some("Haricots verts"))],
};

/// The courses of the set menus.
pub(super) const COURSES_OF_MENUS: [Choices; 4] = [
    Choices {
        number: 21,
        name: "Voorgerecht",
        required: true,
        range: (1, 1),
        items: &[
            ("Soupe à l'oignon", Some("Soupe à l'oignon")),
            ("Bietencarpaccio", Some("Bietencarpaccio")),
        ],
    },
    Choices {
        number: 22,
        name: "Hoofdgerecht",
        required: true,
        range: (1, 1),
        items: &[
            ("Bœuf bourguignon", Some("Bœuf bourguignon")),
            ("Risotto", Some("Risotto met paddenstoelen")),
            ("Entrecôte", Some("Entrecôte")),
        ],
    },
    Choices {
        number: 23,
        name: "Dessert",
        required: true,
        range: (1, 1),
        items: &[("Crème brûlée", Some("Crème brûlée")), ("Dame blanche", Some("Dame blanche"))],
    },
    Choices {
        number: 24,
        name: "Kindermenu",
        required: true,
        range: (1, 1),
        items: &[("Kroket", Some("Broodje kroket")), ("Burger", Some("Leeuwburger"))],
    },
];

/// Set menus with the groups of their courses.
pub(super) const MENUS: [(&str, &[i32]); 2] = [("Driegangenmenu", &[21, 22, 23]), ("Kindermenu", &[24])];

/// Composite: the first article of the one contains that of the other.
pub(super) const COMPONENTS: [(&str, &str); 1] = [("Kaasplank met port", "Port")];

/// What costs otherwise in a branch: product, branch, price in cents of its first article.
pub(super) const DEVIATIONS: [(&str, i32, i64); 4] =
    [("Cappuccino", 2, 3_75), ("Entrecôte", 2, 28_95), ("Cappuccino", 3, 3_30), ("Moules-frites", 3, 22_50)];

/// Number, name, street, postal code, town.
pub(super) const BRANCHES: [(i32, &str, &str, &str, &str); 3] = [
    (1, "De Gouden Leeuw Amsterdam", "Spui 12", "1012 XA", "Amsterdam"),
    (2, "De Gouden Leeuw Utrecht", "Oudegracht 88", "3511 AV", "Utrecht"),
    (3, "De Gouden Leeuw Maastricht", "Vrijthof 3", "6211 LE", "Maastricht"),
];

/// Code and name; whether another party takes the money.
pub(super) const PAYMENT_METHODS: [(&str, &str, bool); 5] = [
    ("CONTANT", "Contant", false),
    ("PIN", "Pin", false),
    ("IDEAL", "iDEAL", false),
    ("K_WEBHOOK", "Online betaald", true),
    ("CADEAUBON", "Cadeaubon", false),
];

/// Number, name, abbreviation.
pub(super) const COURSES: [(i32, &str, &str); 4] =
    [(1, "Dranken", "DR"), (2, "Voorgerecht", "VG"), (3, "Hoofdgerecht", "HG"), (4, "Dessert", "NG")];

/// Tables of every branch: 1 to this.
pub(super) const TABLES: i32 = 20;

/// Number and name of known guests; 1 is for guests without a name.
pub(super) const RELATIONS: [(i64, &str, &str); 3] = [
    (1, "Passant", ""),
    (2, "Anneke van den Berg", "anneke@example.com"),
    (3, "Café Zoë", "info@cafe-zoe.example"),
];
