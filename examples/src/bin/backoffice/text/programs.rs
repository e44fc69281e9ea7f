//! Programs that use this back office.

super::texts! {
    ABOUT = "Programs that are not written in Rust use everything here by JSON: each has a token of its own. Where they give an address, they are told of sales, orders, payments and changes by signed callbacks (Standard Webhooks).", "Programma's die niet in Rust zijn geschreven gebruiken alles hier via JSON: elk heeft een eigen token. Geven ze een adres, dan horen ze van verkopen, bestellingen, betalingen en wijzigingen via ondertekende callbacks (Standard Webhooks).";
    NONE = "No program yet", "Nog geen programma";
    NONE_ABOUT = "Make one below; its token and secret are shown once.", "Maak er hieronder een; het token en het geheim worden één keer getoond.";
    NEW = "Make a token", "Token maken";
    URL = "Address of callbacks", "Adres van callbacks";
    URL_HINT = "https://…, or empty for a program that wants none.", "https://…, of leeg voor een programma dat er geen wil.";
    MADE = "Keep these now", "Bewaar deze nu";
    MADE_ABOUT = "They are not shown again.", "Ze worden niet opnieuw getoond.";
    TOKEN = "Token of its calls", "Token van zijn aanroepen";
    SECRET = "Secret of its callbacks", "Geheim van zijn callbacks";
    WAITING = "Callbacks that wait", "Callbacks die wachten";
    GIVEN_UP = "{} given up", "{} opgegeven";
    SEND_AGAIN = "Send them again", "Opnieuw versturen";
    SENT_AGAIN = "Callbacks that are sent again: {}.", "Callbacks die opnieuw worden verstuurd: {}.";
    REMOVE = "Remove", "Verwijderen";
    REMOVE_ONE = "Remove {}", "{} verwijderen";
    REMOVED = "It has no access any more.", "Het heeft geen toegang meer.";
}
