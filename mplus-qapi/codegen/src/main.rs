//! Generates the types and operations of `mplus-qapi` from the WSDL.
fn main() {}
