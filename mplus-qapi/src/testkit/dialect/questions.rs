//! The open questions, each with its readings: the one list of them.

/// An open question of the interface: what the facts do not settle.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Question {
    /// How [`Dialect::set`](super::Dialect::set) calls it.
    pub name: &'static str,
    /// What is not known, in one line.
    pub explanation: &'static str,
    /// The readings; the first one is the default.
    pub readings: &'static [Reading],
}

/// One of the answers to a [`Question`] that the facts allow.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Reading {
    /// How [`Dialect::set`](super::Dialect::set) calls it.
    pub name: &'static str,
    /// What the POS does then, in one line.
    pub explanation: &'static str,
}

/// An enum for each question, the struct of all, and the table.
macro_rules! questions {
    ($(
        $field:ident $name:literal $explanation:literal
        $kind:ident { $($reading:ident $text:literal $does:literal)+ }
    )+) => {
        $(
            #[doc = concat!($explanation, ".")]
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            #[non_exhaustive]
            pub enum $kind {
                $(#[doc = concat!($does, ".")] $reading,)+
            }

            impl $kind {
                /// Every reading; the first one is the default.
                pub const ALL: &[Self] = &[$(Self::$reading),+];
            }

            impl Default for $kind {
                fn default() -> Self {
                    Self::ALL[0]
                }
            }
        )+

        /// How a POS reads the open questions of its interface: a reading for each of them.
        ///
        /// The default is the POS that the testkit always was. Readings are set one by one, by name or by a seed; a
        /// [`Pos`](crate::testkit::Pos) takes a dialect with
        /// [`with_dialect`](crate::testkit::Pos::with_dialect), and another one at any time with
        /// [`set_dialect`](crate::testkit::Pos::set_dialect).
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub struct Dialect {
            $(#[doc = concat!($explanation, ".")] pub $field: $kind,)+
        }

        pub(super) static QUESTIONS: &[Question] = &[$(Question {
            name: $name,
            explanation: $explanation,
            readings: &[$(Reading { name: $text, explanation: $does }),+],
        }),+];

        impl Dialect {
            /// The readings by their positions, in the order of the questions.
            pub(super) fn positions(&self) -> Vec<usize> {
                vec![$(self.$field as usize),+]
            }

            /// Takes reading `reading` of question `question`; both exist.
            pub(super) fn take(&mut self, question: usize, reading: usize) {
                let mut at = 0;
                $(
                    if at == question && let Some(value) = $kind::ALL.get(reading) {
                        self.$field = *value;
                    }
                    at += 1;
                )+
                debug_assert!(question < at);
            }
        }
    };
}

questions! {
    absent "absent-calls" "Which calls this service does not know"
    Absent {
        Nothing "knows-all" "Every call of the testkit is known"
        BranchInformation "no-getBranchInformation" "getBranchInformation is unknown"
        SyncMarkersV2 "no-getCurrentSyncMarkersV2" "getCurrentSyncMarkersV2 is unknown"
        SyncMarkers "no-getCurrentSyncMarkers" "Neither version of getCurrentSyncMarkers is known"
        VatGroups "no-getVatGroupList" "getVatGroupList is unknown"
        BranchPrices "no-getArticleBranchDeviations" "getArticleBranchDeviations is unknown"
        SaveBranchPrices "no-saveArticleBranchDeviations" "saveArticleBranchDeviations is unknown"
        PreparationGroups "no-getPreparationMethodGroups" "getPreparationMethodGroups is unknown"
        ArticlesPreparation "no-getArticlesPreparationMethodGroups" "getArticlesPreparationMethodGroups is unknown"
        Alterations "no-getArticleAlterationsGroups" "getArticleAlterationsGroups is unknown"
        Nutrition "no-getNutritionalCharacteristics" "getNutritionalCharacteristics is unknown"
        Images "no-getImages" "getImages is unknown"
        ArticleMenu "no-updateArticleMenu" "updateArticleMenu is unknown"
        Components "no-getArticleComponents" "getArticleComponents is unknown"
        FindRelationV2 "no-findRelationV2" "findRelationV2 is unknown"
        CreateOrderV3 "no-createOrderV3" "createOrderV3 is unknown"
        CreateOrderV2 "no-createOrderV2" "Only the first createOrder is known"
        PayOrderV2 "no-payOrderV2" "payOrderV2 is unknown"
        CancelOrderV2 "no-cancelOrderV2" "cancelOrderV2 is unknown"
        OrdersByNumber "no-getOrdersByExtOrderIds" "getOrdersByExtOrderIds is unknown"
        FindOrder "no-findOrder" "findOrder is unknown"
        PlaceTableOrder "no-placeTableOrder" "placeTableOrder is unknown"
        CreateAndPayTableOrder "no-createAndPayTableOrder" "createAndPayTableOrder is unknown"
        TableOrderV3 "no-getTableOrderV3" "getTableOrderV3 is unknown"
        TableList "no-getTableListV3" "getTableListV3 and getFloorplans are unknown"
        PaymentMethodsV2 "no-getPaymentMethodsV2" "getPaymentMethodsV2 is unknown"
        PaymentMethods "no-payment-methods" "No call lists payment methods"
        MenuExtras "no-menu-extras" "Everything about the menu but products is unknown"
        NewerOrderCalls "no-newer-order-calls" "Of each order call only the first version is known, and no placeTableOrder"
        OldService "old-service" "Whatever may be missing is missing"
    }
    absent_text "absent-text" "What a service says of a call that it does not know"
    AbsentText {
        Prefixed "not-implemented-prefixed" "gSOAP's text with the name and its prefix: Method 'ns1:...' not implemented"
        Bare "not-implemented-bare" "gSOAP's text with the bare name"
        NoNamespace "not-implemented-short" "An older text without the words on the namespace"
    }
    side_elements "side-elements" "Whether elements are told that a sync can do without (change times, texts for receipts, ...)"
    SideElements {
        Told "side-elements-told" "They are told"
        Absent "side-elements-absent" "They never are"
        Empty "side-elements-empty" "They are there, and empty"
    }
    unset_elements "unset-elements" "How an optional element without a value is told"
    UnsetElements {
        Absent "unset-absent" "Not at all"
        Empty "unset-empty" "As an empty element"
        Nil "unset-nil" "As an empty element with xsi:nil"
    }
    authentication "authentication" "Which calls check ident and secret"
    Authentication {
        Every "every-call-checks" "All of them"
        NotVersion "version-unchecked" "getApiVersion answers to anybody"
        NotSystem "system-calls-unchecked" "Versions, markers, VAT groups and branches are told to anybody"
    }
    latency "latency" "How long an answer takes, by the POS's clock"
    Latency {
        Quick "quick" "A second"
        Slow "slow" "Half a minute"
    }
    outage "outage" "Whether the POS goes away"
    Outage {
        Never "always-there" "It does not"
        Hours "away-for-hours" "It refuses connections from the sixth to the twelfth hour of its clock"
    }
    product_marker "product-marker" "What a product's own sync marker is, beside its articles'"
    ProductMarker {
        Highest "product-marker-highest" "The highest of its articles'"
        Above "product-marker-above" "Above them: the highest of the whole menu"
        Below "product-marker-below" "Below them: from before its articles changed"
        Absent "product-marker-absent" "It has none"
    }
    page_order "page-order" "In which order a page brings its products"
    PageOrder {
        Descending "highest-marker-first" "The highest marker first"
        Ascending "lowest-marker-first" "The lowest marker first"
        Mixed "no-marker-order" "Neither"
    }
    page_limit "page-limit" "What the limit of a page counts"
    PageLimit {
        Articles "limit-counts-articles" "Articles"
        Products "limit-counts-products" "Products, as before release 10"
        AtMostTen "limit-of-ten" "Articles, and never more than ten whatever was asked for"
    }
    page_products "page-products" "Which articles of a product come with a page"
    PageProducts {
        Changed "changed-articles" "Those that changed; what belongs together by marker stays together"
        Whole "whole-products" "All of them, also those with a lower marker than was asked for"
        Cut "cut-products" "Those that changed; a page may end within a product"
    }
    menu_answer "menu-answer" "What a list of all products holds from the third hour on"
    MenuAnswer {
        Whole "menu-whole" "All of them"
        Empty "menu-empty" "Nothing, although nothing was deleted"
        Half "menu-half" "The first half, although nothing was deleted"
    }
    deleted_article "deleted-article" "How a deleted article is told"
    DeletedArticle {
        Inactive "deleted-is-inactive" "As inactive, with a new marker"
        Discontinued "deleted-is-discontinued" "As discontinued, with a new marker"
        Gone "deleted-is-gone" "Not at all any more"
    }
    shared_article "shared-article" "Whether an article may be in two products"
    SharedArticle {
        Never "in-one-product" "It is in one"
        Told "in-two-products" "The menu's first article is told with the last product too"
    }
    history "history" "Whether the POS's past may change"
    History {
        GoesOn "goes-on" "It does not"
        Restored "restored" "At the third hour a backup of the start is restored: menu, stock, markers and stock ids go back"
    }
    product_update "product-update" "What updateProduct does with what it does not name"
    ProductUpdate {
        Merges "update-merges" "It stays"
        ReplacesArticles "update-replaces-articles" "Articles lose the elements that are not named"
        ReplacesProducts "update-replaces-products" "Articles that are not named leave the product too"
    }
    moved_article "moved-article" "What updateProduct does with an article of another product"
    MovedArticle {
        Refused "move-refused" "The whole update is refused"
        Moved "article-moved" "The article moves"
    }
    new_numbers "new-numbers" "Whether the numbers of new articles are answered at once"
    NewNumbers {
        Told "numbers-told" "They are"
        Late "numbers-late" "They are only found by reading the product"
    }
    branch_lines "branch-lines" "What lines of branch prices hold besides the price"
    BranchLines {
        PriceOnly "price-only" "Nothing"
        WithTexts "with-texts" "A description and a special price of the branch"
        Exclusive "exclusive-only" "The price without VAT is there, the one with VAT is not"
    }
    branch_save "branch-save" "What saveArticleBranchDeviations does with what it does not name"
    BranchSave {
        Line "line-replaced" "Elements that a line does not name are gone; other lines stay"
        Merge "line-merged" "Everything stays"
        Article "article-lines-replaced" "The article's lines that are not named are gone"
    }
    special_price "special-price" "What else than a normal price some articles have"
    SpecialPrice {
        Normal "price-normal" "Nothing else"
        NotSet "price-not-set" "It is told that it is not set"
        Free "price-free" "They are free"
        AskPositive "price-ask-positive" "The till asks for a price"
        AskNegative "price-ask-negative" "The till asks for a negative price"
        AskPositiveNoPopup "price-ask-positive-no-popup" "The till takes a price without asking"
        AskNegativeNoPopup "price-ask-negative-no-popup" "The till takes a negative price without asking"
        Barcode "price-in-barcode" "The barcode holds the price"
        NotForSale "not-for-sale" "They are not for sale"
        NotForSaleVisible "not-for-sale-visible" "They are not for sale, and shown"
        Unheard "price-unheard-of" "Something that no documentation names"
    }
    special_place "special-place" "Where a special price is told"
    SpecialPlace {
        Article "special-at-article" "At the article"
        Branch "special-at-branch" "At the line of a branch"
    }
    price_amount "price-amount" "What is told as the price of those articles"
    PriceAmount {
        Kept "amount-kept" "The price that they had"
        Zero "amount-zero" "Zero"
        Negative "amount-negative" "A negative amount"
        Absent "amount-absent" "Nothing"
    }
    vat_scale "vat-scale" "How 21 % is written"
    VatScale {
        Hundredths "vat-2100" "2100"
        Whole "vat-21" "21"
        Point "vat-21.00" "21.00, although the field is an integer"
    }
    vat_change "vat-change" "Whether a rate changes"
    VatChange {
        Never "vat-stays" "It does not"
        Rises "vat-rises" "At the third hour the low rate becomes the high one; no article gets a new marker"
    }
    decimals "decimals" "How a decimal is written"
    Decimals {
        Plain "decimals-plain" "With the places that it needs"
        Noise "decimals-noise" "As a binary fraction of 17 digits: 9.9499999999999993"
        Padded "decimals-padded" "With six places"
        Exponent "decimals-exponent" "With an exponent: 9.95E+00"
    }
    integers "integers" "How an integer is written"
    Integers {
        Plain "integers-plain" "With its digits"
        Zeros "integers-zeros" "With leading zeros"
        Blanks "integers-blanks" "Between blanks"
    }
    booleans "booleans" "How true and false are written"
    Booleans {
        Words "booleans-words" "true and false"
        Digits "booleans-digits" "1 and 0"
    }
    stock_rows "stock-rows" "Which rows getStock brings"
    StockRows {
        Kept "stock-kept" "Those of articles that keep stock"
        Every "stock-every-article" "Those of all articles; 0 where no stock is kept"
        Negative "stock-negative" "Those of articles that keep stock; every third is below zero"
        Partly "stock-partly" "Every third is missing from the start"
        Going "stock-going" "Every third is missing from the third hour on"
    }
    duplicate_number "duplicate-number" "What becomes of an extOrderId that was used before"
    DuplicateNumber {
        Refused "duplicate-refused" "The order is refused as a duplicate"
        Taken "duplicate-taken" "It is taken as another order"
    }
    keys "idempotency-keys" "How long an idempotency key is remembered"
    Keys {
        Remembered "keys-remembered" "For ever, with whatever was answered"
        Successes "keys-of-successes" "For ever, but refusals are not remembered"
        Hour "keys-for-an-hour" "For an hour"
        Ignored "keys-ignored" "Not at all"
    }
    order_result "order-result" "What result is told of an order that was taken"
    OrderResult {
        Told "result-told" "OK"
        Absent "result-absent" "None"
        New "result-new" "One that no documentation names"
        Unknown "result-unknown" "UNKNOWN"
    }
    reference "reference" "How much of an order's reference is kept"
    Reference {
        Whole "reference-whole" "All of it"
        Fifty "reference-of-50" "The first 50 characters"
        Twenty "reference-of-20" "The first 20 characters"
        None "reference-dropped" "Nothing"
    }
    paid_amounts "paid-amounts" "Whether an order tells what was paid"
    PaidAmounts {
        Told "paid-told" "It does"
        Absent "paid-absent" "It does not"
    }
    finished_orders "finished-orders" "Whether orders are shown that are paid and done"
    FinishedOrders {
        Shown "finished-shown" "They are"
        Gone "finished-gone" "Their receipts alone tell of them"
    }
    list_length "list-length" "How many orders and receipts a list holds"
    ListLength {
        Whole "lists-whole" "All, or as many as the request wants"
        Cut "lists-cut" "The first five, when the request names no limit"
        Capped "lists-capped" "The first five at most, whatever the request names"
    }
    employees "employees" "Which employees may enter orders"
    Employees {
        Any "any-employee" "Any number may"
        Known "known-employees" "Only those that the POS knows (1 to 9, and 999999)"
    }
    unknown_numbers "unknown-numbers" "What becomes of an order that names what the POS does not have"
    UnknownNumbers {
        Refused "unknown-refused" "Unknown articles, workplaces and payment methods are refused"
        Taken "unknown-taken" "Unknown workplaces and payment methods are taken; inactive articles too"
    }
    tables "tables" "Whether waiters hold tables for hours"
    Tables {
        Free "tables-free" "They do not"
        Claimed "tables-claimed" "All tables are claimed from the sixth to the eleventh hour"
    }
    opened_table "opened-table" "What saveTableOrder makes of a new order for a table that was opened since it was read"
    OpenedTable {
        Refused "opened-refused" "It is refused: the table's order has changed"
        Second "opened-second" "It becomes a second order of the table, which goes on showing the first"
    }
    table_lines "table-lines" "How a table's order tells its lines"
    TableLines {
        AsSent "lines-as-sent" "As they were sent"
        Condensed "lines-condensed" "Lines of the same article and price are one"
    }
    characters "characters" "What texts hold, and how it is written"
    Characters {
        Plain "text-plain" "Text, escaped where it has to be"
        Control "text-control-characters" "Control characters too, as references that XML does not allow"
        Surrogates "text-surrogates" "Characters beyond the basic plane, as references to their two halves"
        Cdata "text-cdata" "Everything in CDATA sections"
        References "text-references" "Whatever is not ASCII as a reference"
    }
    encoding "encoding" "How an answer is encoded"
    Encoding {
        Utf8 "utf-8" "UTF-8"
        Utf8Mark "utf-8-mark" "UTF-8 with a byte order mark"
        Latin1 "iso-8859-1" "ISO-8859-1"
        Utf16 "utf-16" "UTF-16 with a byte order mark"
    }
    prefix "prefix" "Which prefix the elements of an answer have"
    Prefix {
        Ns1 "prefix-ns1" "ns1"
        Ns "prefix-ns" "ns, as the real service"
        Default "prefix-none" "None: the namespace is the default one"
    }
}
