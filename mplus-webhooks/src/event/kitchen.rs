//! A course on its way through the kitchen.

use rust_decimal::Decimal;
use serde::Serialize;

use super::from_json::DataError;
use super::object::{Object, fields, object};
use super::oddity::Reading;
use super::path::Path;
use super::payload::ReadPayload;
use super::raw::Extra;
use super::session::Table;

/// Events about a course in the kitchen. They carry no session.
macro_rules! course_events {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name {
            /// The order at the counter, when it is one.
            pub cafeteria_order: Option<CourseOrder>,
            /// The table's order, when it is one.
            pub table_order: Option<CourseOrder>,
            /// The table.
            pub table: Option<Table>,
            /// The course.
            pub course: Course,
        }

        impl ReadPayload for $name {
            fn read(body: &mut Object<'_>, reading: &mut Reading) -> Result<Self, DataError> {
                let path = Path::ROOT.field("course");
                let course = body.open_details(&path, "course", reading)?;
                let course = Course::from_fields(course, &path, reading);
                let path = Path::ROOT;
                Ok(Self {
                    cafeteria_order: body.side(&path, "cafeteriaOrder", reading),
                    table_order: body.side(&path, "tableOrder", reading),
                    table: body.side(&path, "table", reading),
                    course,
                })
            }

            fn subject(&self) -> Option<&str> {
                self.table_order.as_ref().or(self.cafeteria_order.as_ref())?.order_id.as_deref()
            }
        }
    )*};
}

course_events! {
    /// The kitchen began a course.
    KitchenStartCourse
    /// The kitchen finished a course.
    KitchenCompleteCourse
    /// The waiter served a course.
    KitchenServeCourse
}

/// The order that a course belongs to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CourseOrder {
    /// A UUID.
    pub order_id: Option<String>,
    /// The year that numbers it.
    pub year: Option<i64>,
    /// Its number in that year.
    pub number: Option<i64>,
    /// The number that is called out.
    pub ticket_number: Option<i64>,
    /// Object that this crate does not know.
    pub extra: Extra,
}

object!(CourseOrder {
    order_id: "orderId" identifier,
    year: "year" side,
    number: "number" side,
    ticket_number: "ticketNumber" side,
});

/// A course of a meal.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Course {
    /// Its number.
    pub course_number: Option<i64>,
    /// Its name.
    pub name: Option<String>,
    /// Its short name.
    pub abbreviation: Option<String>,
    /// Where it stands in the meal.
    pub sequence_number: Option<i64>,
    /// Planned preparation time; the unit is not documented.
    pub expected_preparation_time: Option<Decimal>,
    /// Real preparation time, once complete; the unit is not documented.
    pub actual_preparation_time: Option<Decimal>,
    /// Object that this crate does not know.
    pub extra: Extra,
}

fields!(Course {
    course_number: "courseNumber" expected,
    name: "name" side,
    abbreviation: "abbreviation" side,
    sequence_number: "sequenceNumber" side,
    expected_preparation_time: "expectedPreparationTime" side,
    actual_preparation_time: "actualPreparationTime" side,
});
