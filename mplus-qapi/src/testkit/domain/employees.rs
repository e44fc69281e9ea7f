//! Employees: those that the POS lists, where it asks for known ones.

use std::ops::RangeInclusive;

use crate::{
    employees::*,
    testkit::{
        dialect::Employees,
        domain::{
            operations::{Answer, Operations},
            page::page,
        },
        state::State,
    },
    types::Employee,
};

/// Those that are listed; the super user is known and not listed.
const LISTED: RangeInclusive<i64> = 1..=9;
const SUPER_USER: i64 = 999_999;

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_employees);
}

impl State {
    /// The employee in whose name an order is entered, if it may be.
    pub(super) fn check_employee(&self, number: Option<i64>) -> Result<(), String> {
        let number = number.unwrap_or_default();
        let known = number == 0 || number == SUPER_USER || LISTED.contains(&number);
        if self.dialect.employees == Employees::Known && !known {
            return Err(format!("There is no employee {number}."));
        }
        Ok(())
    }
}

fn get_employees(state: &mut State, GetEmployees { request }: GetEmployees) -> Answer<GetEmployeesResponse> {
    let request = request.unwrap_or_default();
    let wanted =
        |number: &i64| request.employee_numbers.is_empty() || request.employee_numbers.contains(number);
    let employees =
        LISTED.filter(|_| state.dialect.employees == Employees::Known).filter(wanted).map(|number| {
            let employee = Employee {
                employee_number: Some(number),
                sync_marker: Some(number),
                name: Some(format!("Medewerker {number}")),
                active: Some(true),
                ..Employee::default()
            };
            (number, employee)
        });
    let employee_list = page(employees.collect(), request.sync_marker, request.sync_marker_limit);
    Ok(GetEmployeesResponse { employee_list })
}
