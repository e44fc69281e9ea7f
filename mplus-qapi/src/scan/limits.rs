//! How much of anything a document may have. Far beyond what a service writes, and small enough to hold and to read.

/// Elements may be nested this deep.
pub(crate) const DEPTH: usize = 128;
/// Bytes of the name of an element or an attribute.
pub(crate) const NAME: usize = 1 << 10;
/// Bytes of one tag with its attributes.
pub(crate) const TAG: usize = 64 << 10;
/// Attributes of one tag.
pub(crate) const ATTRIBUTES: usize = 64;
/// Declarations of namespaces in scope at one place.
pub(crate) const DECLARATIONS: usize = 128;
/// Bytes between two tags that mean nothing: a run of white space, a comment or an instruction.
pub(crate) const BETWEEN: usize = 1 << 20;
/// Bytes from the start of a document within which its encoding has to be declared.
pub(crate) const DECLARATION: usize = 4 << 10;
/// Bytes of a reference from `&` to `;`.
pub(crate) const REFERENCE: usize = 40;
/// Bytes of a value that is one word: a number, a date, a text of an enum.
pub(crate) const TOKEN: usize = 64 << 10;
/// Bytes of a text of the other side that is kept to be told: of a fault, a code, a name of a result.
pub(crate) const TOLD: usize = 4 << 10;
/// Bytes of a name that an error quotes.
pub(crate) const QUOTED: usize = 64;
