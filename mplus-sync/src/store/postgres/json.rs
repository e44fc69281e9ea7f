//! JSON on its way into a column.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// A document that is JSON already. As a value of that type it is checked once, and not cast from text as well.
#[derive(Debug)]
pub(super) struct Json(pub(super) String);

impl ToSql for Json {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(json: &Type) -> bool {
        *json == Type::JSON
    }

    to_sql_checked!();
}
