//! Pictures that were uploaded.

use std::collections::BTreeMap;

use crate::types::Image;

/// Pictures that were uploaded; those of the catalogue are drawn when they are asked for.
#[derive(Debug, Default)]
pub(in crate::testkit) struct Media {
    pub(in crate::testkit) uploads: BTreeMap<i64, Image>,
}
