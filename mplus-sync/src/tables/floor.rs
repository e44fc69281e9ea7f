//! From the POS's tables and courses to a floor plan: pure.

use mplus_qapi::table_orders::{CourseInfo, Floorplan, WholeTable};

use crate::model::{Area, Course, CourseNumber, SubTable, Table};

/// The tables by number, each once.
pub(super) fn tables(found: Vec<WholeTable>) -> Vec<Table> {
    let mut tables: Vec<Table> = found.into_iter().map(table).collect();
    tables.sort_by_key(|table| table.number);
    tables.dedup_by_key(|table| table.number);
    tables
}

fn table(found: WholeTable) -> Table {
    let mut sub_tables: Vec<SubTable> = found
        .sub_tables
        .into_iter()
        .map(|sub| SubTable { number: sub.table_number.sub_number, name: text(sub.table_name) })
        .collect();
    sub_tables.sort_by_key(|sub| sub.number);
    sub_tables.dedup_by_key(|sub| sub.number);
    match sub_tables.len() {
        // A table that is served as one has its name on its only part.
        0 | 1 => {
            let name = sub_tables.pop().and_then(|sub| sub.name);
            Table { number: found.number, name, sub_tables }
        }
        _ => Table { number: found.number, name: None, sub_tables },
    }
}

/// The areas of the floor plans in use; a plan that is not divided is one area.
pub(super) fn areas(found: Vec<Floorplan>) -> Vec<Area> {
    let plans = found.into_iter().filter(|plan| plan.is_active);
    plans
        .flat_map(|plan| {
            let whole = || Area { plan: plan.number, name: plan.name.clone(), tables: String::new() };
            let parts = plan.neighbourhoods.iter().map(|part| Area {
                plan: plan.number,
                name: part.name.clone(),
                tables: part.table_numbers_range.clone(),
            });
            match plan.neighbourhoods.is_empty() {
                true => vec![whole()],
                false => parts.collect::<Vec<_>>(),
            }
        })
        .collect()
}

/// The courses in the order they are served.
pub(super) fn courses(mut found: Vec<CourseInfo>) -> Vec<Course> {
    found.sort_by_key(|course| (course.sequence_number, course.number));
    let courses = found.into_iter().map(|course| Course {
        number: CourseNumber::new(course.number),
        name: course.name,
        abbreviation: text(course.abbreviation),
    });
    courses.collect()
}

fn text(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use mplus_qapi::table_orders::SubTableState;
    use mplus_qapi::types::TableNumber;

    use super::*;

    fn sub(table_number: i32, sub_number: i32, name: &str) -> SubTableState {
        let table_number = TableNumber { table_number, sub_number };
        SubTableState { table_number, table_name: name.into(), ..SubTableState::default() }
    }

    #[test]
    fn a_table_that_is_served_as_one_has_no_parts() {
        let whole = WholeTable { number: 4, sub_tables: vec![sub(4, 1, "Window")], ..WholeTable::default() };
        let wanted = Table { number: 4, name: Some("Window".into()), sub_tables: Vec::new() };
        assert_eq!(tables(vec![whole]), [wanted]);
    }

    #[test]
    fn the_parts_of_a_table_are_in_order_and_tables_too() {
        let split = WholeTable {
            number: 9,
            sub_tables: vec![sub(9, 2, ""), sub(9, 1, "Left")],
            ..Default::default()
        };
        let other = WholeTable { number: 2, ..WholeTable::default() };
        let found = tables(vec![split.clone(), other, split]);
        assert_eq!(found.iter().map(|table| table.number).collect::<Vec<_>>(), [2, 9]);
        let parts: Vec<_> = found[1].sub_tables.iter().map(|sub| (sub.number, sub.name.as_deref())).collect();
        assert_eq!(parts, [(1, Some("Left")), (2, None)]);
    }

    #[test]
    fn courses_follow_the_order_in_which_they_are_served() {
        let course =
            |number, sequence_number| CourseInfo { number, sequence_number, ..CourseInfo::default() };
        let found = courses(vec![course(1, 30), course(2, 10), course(3, 20)]);
        assert_eq!(found.iter().map(|course| course.number.get()).collect::<Vec<_>>(), [2, 3, 1]);
    }
}
