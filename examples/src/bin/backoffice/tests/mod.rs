//! Pages as a browser gets them, on a database and a test till of their own.

mod api;
mod connection;
mod entry;
mod flows;
mod kiosk;
mod money;
mod orders;
mod pages;
mod settings;
mod world;
