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
    /// The areas that the tables stand in, such as a terrace; empty where the POS has no floor plans.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<Area>,
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

/// A part of the floor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// The number of the POS's floor plan that it is part of.
    pub plan: i32,
    /// As guests read it.
    pub name: String,
    /// The numbers of its tables as the POS writes them: numbers and ranges with commas between, `1-12,20`.
    pub tables: String,
}

impl Area {
    /// Whether a table stands here, as far as [`tables`](Self::tables) can be understood.
    pub fn has_table(&self, number: i32) -> bool {
        self.tables.split([',', ';']).any(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            match (first.trim().parse::<i32>(), last.trim().parse::<i32>()) {
                (Ok(first), Ok(last)) => (first..=last).contains(&number),
                _ => false,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_has_the_tables_of_its_ranges_and_what_is_odd_has_none() {
        let area = |tables: &str| Area { plan: 1, name: "Terras".into(), tables: tables.into() };
        let has = |tables: &str| (1..=20).filter(|table| area(tables).has_table(*table)).collect::<Vec<_>>();
        assert_eq!(has("3-5, 9"), [3, 4, 5, 9]);
        assert_eq!(has("20;x-4;-3;7-"), [20]);
        assert!(has("").is_empty());
    }
}
