//! Which parts of a request leave some of the changes out.

use crate::soap::{Record, View};

/// The first filter that is set beside the sync marker: by it, what changes from inside to outside of it is never told, and
/// older services miss more than that. What only adds to the answer (`include...`, `retrieve...`) is no filter, nor is what
/// has to be there.
pub(crate) fn beside_marker(operation: &str, request: &dyn Record) -> Option<&'static str> {
    // These ask for the orders of the numbers that they are given.
    if operation.starts_with("getOrdersBy") { None } else { within(request) }
}

fn within(record: &dyn Record) -> Option<&'static str> {
    record.schema().elements.iter().find_map(|element| {
        let view = record.field(element.field)?.view();
        match view {
            View::Record(inner) if ["request", "syncMarkerFilter"].contains(&element.name) => within(inner),
            _ if record.schema().required & (1 << element.field) != 0 => None,
            _ if ["syncMarker", "syncMarkerLimit"].contains(&element.name) => None,
            _ if element.name.starts_with("include") || element.name.starts_with("retrieve") => None,
            View::Absent | View::Bool(false) => None,
            View::List(items) if items.count() == 0 => None,
            _ => Some(element.name),
        }
    })
}

#[cfg(all(test, feature = "products", feature = "orders"))]
mod tests {
    use super::*;
    use crate::{
        orders::{GetOrders, GetOrdersByExtOrderIds, GetOrdersByExtOrderIdsRequest, GetOrdersRequest},
        products::{GetProducts, GetProductsRequest},
    };

    #[test]
    fn a_filter_is_named_and_what_only_adds_is_none() {
        let of = |request: GetProductsRequest| beside_marker("getProducts", &GetProducts { request });
        let plain =
            GetProductsRequest { sync_marker: Some(1), sync_marker_limit: Some(2), ..Default::default() };
        assert_eq!(of(plain.clone()), None);
        assert_eq!(of(GetProductsRequest { only_active: Some(false), ..plain.clone() }), None);
        assert_eq!(of(GetProductsRequest { only_active: Some(true), ..plain.clone() }), Some("onlyActive"));
        assert_eq!(of(GetProductsRequest { group_numbers: vec![1], ..plain }), Some("groupNumbers"));
        let lines = GetOrdersRequest { include_line_list: Some(true), ..Default::default() };
        assert_eq!(beside_marker("getOrders", &GetOrders { request: lines }), None);
        let of_one = GetOrdersRequest { relation_numbers: vec![1], ..Default::default() };
        assert_eq!(beside_marker("getOrders", &GetOrders { request: of_one }), Some("relationNumbers"));
    }

    #[test]
    fn the_numbers_that_an_operation_is_for_are_no_filter() {
        let request = GetOrdersByExtOrderIdsRequest {
            ext_order_ids: vec!["1001".to_owned()].into(),
            ..Default::default()
        };
        assert_eq!(beside_marker("getOrdersByExtOrderIds", &GetOrdersByExtOrderIds { request }), None);
    }
}
