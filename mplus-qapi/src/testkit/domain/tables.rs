//! Tables: which there are, who has claimed them, what sits at them.

use crate::{
    table_orders::*,
    testkit::{
        brasserie,
        catalogue::MADE,
        dialect::{CLAIMS, TableLines, Tables as TableClaims},
        domain::operations::{Answer, Operations},
        state::{State, tables::Place},
    },
    types::*,
};

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_max_table_number);
    operations.on(get_table_list_v3);
    operations.on(get_floorplans);
    operations.on(get_course_list_v2);
    operations.on(get_table_order);
    operations.on(get_table_order_v3);
    operations.on(find_table_order);
    operations.on(get_current_table_orders);
    operations.on(release_table);
    operations.on(release_table_v2);
}

impl State {
    pub(super) fn check_table(&self, (branch, table, part): Place) -> Result<Place, String> {
        self.check_place(branch, None)?;
        if !(1..=brasserie::TABLES).contains(&table) || !(1..=9).contains(&part) {
            return Err(format!("Branch {branch} has no table {table}.{part}."));
        }
        Ok((branch, table, part))
    }

    /// The table that an order names.
    pub(super) fn table_of(&self, order: &Order) -> Result<Place, String> {
        let branch = order.entry_branch_number.filter(|number| *number != 0).unwrap_or(1);
        let part = order.table_sub_number.filter(|number| *number != 0).unwrap_or(1);
        self.check_table((branch, order.table_number.unwrap_or_default(), part))
    }

    pub(in crate::testkit) fn table_order(&self, branch: i32, table: i32) -> Option<&Order> {
        self.orders.get(self.orders.tables.order_id((branch, table, 1))?)
    }

    pub(in crate::testkit) fn claim_table(&mut self, branch: i32, table: i32, workplace: i32) {
        self.orders.tables.claims.insert((branch, table, 1), workplace);
    }

    /// The workplace other than this one that holds a table.
    pub(super) fn claimed_by_other(&self, place: Place, workplace: i32) -> Option<i32> {
        let all = self.dialect.tables == TableClaims::Claimed && CLAIMS.contains(&self.clock.hours());
        let waiter = all.then_some(WAITER).filter(|waiter| *waiter != workplace);
        self.orders.tables.claimed_by_other(place, workplace).or(waiter)
    }

    /// The table's order as a workplace gets to see it.
    fn read_table(&self, place: Place) -> GetTableOrderResponse {
        let order = self.orders.tables.order_id(place).and_then(|id| self.orders.get(id));
        let mut order = order.cloned();
        if let Some(order) = order.as_mut().filter(|_| self.dialect.table_lines == TableLines::Condensed) {
            order.line_list = condensed(std::mem::take(&mut order.line_list).into_vec()).into();
        }
        GetTableOrderResponse {
            result: if order.is_some() { GetTableOrderResult::Ok } else { GetTableOrderResult::None },
            order,
            ..GetTableOrderResponse::default()
        }
    }
}

/// The workplace that holds all tables, where the dialect has one.
const WAITER: i32 = 2;

/// Makes one line of those that have the same article and price and no choices.
fn condensed(lines: Vec<Line>) -> Vec<Line> {
    let mut condensed: Vec<Line> = Vec::new();
    for line in lines {
        let price = |line: &Line| line.data.as_ref().and_then(|data| data.price);
        let same = condensed.iter_mut().find(|held| {
            line.article_number != 0
                && held.article_number == line.article_number
                && price(held) == price(&line)
                && held.preparation_list.is_empty()
                && line.preparation_list.is_empty()
        });
        match same.and_then(|held| held.data.as_mut()).zip(line.data.as_ref()) {
            Some((held, data)) => {
                held.quantity += data.quantity;
                held.total_incl_amount =
                    held.total_incl_amount.zip(data.total_incl_amount).map(|(a, b)| a + b);
                held.total_excl_amount =
                    held.total_excl_amount.zip(data.total_excl_amount).map(|(a, b)| a + b);
            }
            None => condensed.push(line),
        }
    }
    condensed
}

fn get_max_table_number(_: &mut State, _: GetMaxTableNumber) -> Answer<GetMaxTableNumberResponse> {
    Ok(GetMaxTableNumberResponse { max_table_number: brasserie::TABLES })
}

fn get_table_list_v3(
    state: &mut State,
    GetTableListV3 { request }: GetTableListV3,
) -> Answer<GetTableListV3Response> {
    if state.branches.get(request.branch_number).is_none() {
        return Ok(GetTableListV3Response::default());
    }
    let tables = (1..=brasserie::TABLES).map(|number| {
        let place = (request.branch_number, number, 1);
        let order = state.orders.tables.order_id(place).and_then(|id| state.orders.get(id));
        let claimed_by = state.orders.tables.claims.get(&place).map(|workplace| WorkplaceIdentifier {
            branch_number: request.branch_number,
            workplace_number: *workplace,
        });
        let details = order.map(|order| OccupiedTableDetails {
            create_timestamp: order.entry_timestamp.unwrap_or_default(),
            change_timestamp: order.entry_timestamp.unwrap_or_default(),
            total_incl_amount: order.total_incl_amount.unwrap_or_default(),
            total_excl_amount: order.total_excl_amount.unwrap_or_default(),
            prepaid_amount: order.prepaid_amount.unwrap_or_default(),
            number_of_guests: order.number_of_guests,
            claimed_by,
            ..OccupiedTableDetails::default()
        });
        let part = SubTableState {
            table_number: TableNumber { table_number: number, sub_number: 1 },
            state: if order.is_some() { TableStatus::Taken } else { TableStatus::Open },
            table_name: order.and_then(|order| order.table_description.clone()).unwrap_or_default(),
            card_number: None,
            details,
        };
        WholeTable {
            number,
            on_floor_plan: true,
            ask_name: false,
            standard_sub_table_count: 1,
            current_sub_table_count: 1,
            sub_tables: vec![part],
        }
    });
    Ok(GetTableListV3Response { whole_table: tables.collect() })
}

fn get_floorplans(
    state: &mut State,
    GetFloorplans { request }: GetFloorplans,
) -> Answer<GetFloorplansResponse> {
    if state.branches.get(request.branch_number).is_none() {
        return Ok(GetFloorplansResponse::default());
    }
    let plan = |(number, name, range): (i32, &str, &str)| Floorplan {
        branch_number: request.branch_number,
        number,
        name: name.to_owned(),
        definition: "{}".into(),
        updated_ts: crate::value::DateTime::local(MADE.to_wall_clock().unwrap_or_default()),
        is_active: true,
        neighbourhoods: vec![FloorplanNeighbourhood {
            branch_number: request.branch_number,
            floorplan_number: number,
            name: name.to_owned(),
            table_numbers_range: range.to_owned(),
            colour: Colour { red: 30, green: 120, blue: 90 },
        }],
    };
    let plans = [(1, "Zaal", "1-12"), (2, "Terras", "13-20")].map(plan);
    Ok(GetFloorplansResponse { floorplans: plans.into() })
}

fn get_course_list_v2(_: &mut State, _: GetCourseListV2) -> Answer<GetCourseListV2Response> {
    let course = |(number, name, abbreviation): (i32, &str, &str)| CourseInfo {
        number,
        sequence_number: number,
        name: name.to_owned(),
        abbreviation: abbreviation.to_owned(),
        r#type: if number == 1 { CourseType::Bar } else { CourseType::Standard },
        do_set_table: number > 1,
        can_be_served_with_wine: number > 1,
    };
    Ok(GetCourseListV2Response { course: brasserie::COURSES.map(course).into() })
}

/// Another workplace's table shows no more than the order's id.
fn get_table_order(
    state: &mut State,
    GetTableOrder { terminal, branch_number, table_number }: GetTableOrder,
) -> Answer<GetTableOrderResponse> {
    let place = (branch_number, table_number, 1);
    let mut answer = state.read_table(place);
    if state.claimed_by_other(place, terminal.terminal_number).is_some()
        && let Some(order) = answer.order.take()
    {
        answer.result = GetTableOrderResult::AlreadyUsed;
        answer.order = Some(Order { order_id: order.order_id, ..Order::default() });
    }
    Ok(answer)
}

fn get_table_order_v3(
    state: &mut State,
    GetTableOrderV3 { request }: GetTableOrderV3,
) -> Answer<GetTableOrderResponse> {
    let part = request.table_sub_number.filter(|number| *number != 0).unwrap_or(1);
    let place = (request.branch_number, request.table_number, part);
    let asked = if request.claim_table == Some(true) { ClaimMethod::Normal } else { ClaimMethod::None };
    let method = request.claim_method.unwrap_or(asked);
    let holder = state.claimed_by_other(place, request.workplace_number);
    match (method, holder) {
        (ClaimMethod::Normal, Some(holder)) => Ok(GetTableOrderResponse {
            result: GetTableOrderResult::Claimed,
            claimed_by_workplace_number: Some(holder),
            ..GetTableOrderResponse::default()
        }),
        (ClaimMethod::Normal | ClaimMethod::Force, _) => {
            state.orders.tables.claims.insert(place, request.workplace_number);
            Ok(state.read_table(place))
        }
        (_, holder) => {
            Ok(GetTableOrderResponse { claimed_by_workplace_number: holder, ..state.read_table(place) })
        }
    }
}

fn find_table_order(
    state: &mut State,
    FindTableOrder { ext_order_id, .. }: FindTableOrder,
) -> Answer<GetTableOrderResponse> {
    let order = state.orders.find(&ext_order_id);
    let order = order.filter(|order| order.order_type == Some(OrderType::TableOrder)).cloned();
    Ok(GetTableOrderResponse {
        result: if order.is_some() { GetTableOrderResult::Ok } else { GetTableOrderResult::None },
        order,
        ..GetTableOrderResponse::default()
    })
}

fn get_current_table_orders(
    state: &mut State,
    GetCurrentTableOrders { request }: GetCurrentTableOrders,
) -> Answer<GetCurrentTableOrdersResponse> {
    let here = |(branch, ..): &Place| request.branch_number.is_none_or(|wanted| wanted == *branch);
    let seated = state.orders.tables.orders.iter().filter(|(place, _)| here(place));
    let orders = seated.filter_map(|(_, id)| state.orders.get(id).cloned());
    Ok(GetCurrentTableOrdersResponse { order_list: orders.collect() })
}

fn release(state: &mut State, place: Place, workplace: i32) -> ReleaseTableV2Result {
    match state.orders.tables.claims.get(&place) {
        None => ReleaseTableV2Result::NotClaimed,
        Some(holder) if *holder != workplace => ReleaseTableV2Result::ClaimedByOther,
        Some(_) => {
            state.orders.tables.claims.remove(&place);
            ReleaseTableV2Result::Ok
        }
    }
}

fn release_table(
    state: &mut State,
    ReleaseTable { terminal, request }: ReleaseTable,
) -> Answer<ReleaseTableResponse> {
    let part = request.table_sub_number.filter(|number| *number != 0).unwrap_or(1);
    let place = (terminal.branch_number, request.table_number.unwrap_or_default(), part);
    let result = match release(state, place, terminal.terminal_number) {
        ReleaseTableV2Result::Ok => ReleaseTableOrderResult::Ok,
        ReleaseTableV2Result::ClaimedByOther => ReleaseTableOrderResult::ClaimedByOther,
        _ => ReleaseTableOrderResult::NotClaimed,
    };
    Ok(ReleaseTableResponse { result })
}

fn release_table_v2(
    state: &mut State,
    ReleaseTableV2 { request }: ReleaseTableV2,
) -> Answer<ReleaseTableV2Response> {
    let TableIdentifier { branch_number, table_number, table_sub_number } = request.table;
    let place = (branch_number, table_number, table_sub_number);
    Ok(ReleaseTableV2Response { result: release(state, place, request.workplace.workplace_number) })
}
