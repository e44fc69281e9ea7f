//! Tables and courses of a location. Pull only.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{CourseNumber, LocationId};

/// The tables and courses of one location, as last read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloorPlan {
    /// Whose tables these are.
    pub location: LocationId,
    /// The tables, by number.
    pub tables: Vec<Table>,
    /// The courses, in the order they are served.
    pub courses: Vec<Course>,
    /// When this was read from the POS.
    pub read_at: DateTime<Utc>,
}

/// A table at which guests are served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The POS's number of the table.
    pub number: i32,
    /// As the POS names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The sub-tables it is divided in; empty for a table that is served as one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_tables: Vec<SubTable>,
}

/// A part of a table with an order of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubTable {
    /// The number within the table, from 1.
    pub number: i32,
    /// As the POS names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A course of a meal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// The POS's number of the course.
    pub number: CourseNumber,
    /// As guests read it.
    pub name: String,
    /// What the kitchen reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abbreviation: Option<String>,
}
