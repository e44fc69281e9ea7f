//! Which parts of a request leave some of the changes out.

use crate::soap::{Record, View};

/// The first filter that is set beside the sync marker: by it, what changes from inside to outside of it is never told, and
/// older services miss more than that. What only adds to the answer (`include...`, `retrieve...`) is no filter, nor is what
/// has to be there and is no list.
pub(crate) fn beside_marker(operation: &str, request: &dyn Record) -> Option<&'static str> {
    // These ask for the orders of the numbers that they are given.
    if operation.starts_with("getOrdersBy") { None } else { within(request) }
}

/// What is told by these stays so for good: nothing goes from inside to outside of such a filter.
const NEVER_CHANGES: [&str; 1] = ["orderTypeList"];

fn within(record: &dyn Record) -> Option<&'static str> {
    record.schema().elements.iter().find_map(|element| {
        let view = record.field(element.field)?.view();
        match view {
            View::Record(inner) if ["request", "syncMarkerFilter"].contains(&element.name) => within(inner),
            View::List(items) if items.count() == 0 => None,
            View::List(_) if NEVER_CHANGES.contains(&element.name) => None,
            View::List(_) => Some(element.name),
            _ if record.schema().required & (1 << element.field) != 0 => None,
            _ if ["syncMarker", "syncMarkerLimit"].contains(&element.name) => None,
            _ if element.name.starts_with("include") || element.name.starts_with("retrieve") => None,
            View::Absent | View::Bool(false) => None,
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
        types::OrderType,
    };

    #[test]
    fn a_filter_is_named_and_what_only_adds_is_none() {
        let of = |request: GetProductsRequest| beside_marker("getProducts", &GetProducts { request });
        let plain =
            GetProductsRequest { sync_marker: Some(1), sync_marker_limit: Some(2), ..Default::default() };
        assert_eq!(of(plain.clone()), None);
        assert_eq!(of(GetProductsRequest { only_active: Some(false), ..plain.clone() }), None);
        assert_eq!(of(GetProductsRequest { only_active: Some(true), ..plain.clone() }), Some("onlyActive"));
        assert_eq!(of(GetProductsRequest { group_numbers: vec![1], ..plain.clone() }), Some("groupNumbers"));
        // A list in a wrapper that the schema has as required is a filter all the same.
        let of_one = GetProductsRequest { plu_numbers: vec![Default::default()], ..plain.clone() };
        assert_eq!(of(of_one), Some("pluNumbers"));
        assert_eq!(of(GetProductsRequest { plu_numbers: Vec::new(), ..plain }), None);
        let lines = GetOrdersRequest { include_line_list: Some(true), ..Default::default() };
        assert_eq!(beside_marker("getOrders", &GetOrders { request: lines }), None);
        let of_one = GetOrdersRequest { relation_numbers: vec![1], ..Default::default() };
        assert_eq!(beside_marker("getOrders", &GetOrders { request: of_one }), Some("relationNumbers"));
    }

    #[test]
    fn what_never_changes_of_an_order_is_no_filter() {
        let request =
            GetOrdersRequest { order_type_list: vec![OrderType::TableOrder].into(), ..Default::default() };
        assert_eq!(beside_marker("getOrders", &GetOrders { request }), None);
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

#[cfg(all(test, feature = "full", feature = "testkit"))]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod of_every_operation {
    use super::*;
    use crate::{
        activities::*, bookkeeping::*, employees::*, giftcards::*, interbranch::*, invoices::*, nutrition::*,
        orders::*, preparation::*, products::*, proposals::*, purchasing::*, receipts::*, relations::*,
        sales_repeat::*, stock_management::*, testkit::Sampler,
    };

    /// What may stand beside a marker: it adds to each item, or says which kind of thing is asked for, which never changes.
    const NO_FILTERS: [&str; 13] = [
        "syncMarker",
        "syncMarkerLimit",
        "syncMarkerFilter",
        "orderTypeList",
        "nutritionalCharacteristicsType",
        "includeLineList",
        "includeOrderReferences",
        "includeLastMailTimelineEvents",
        "includeSigningTimelineEvents",
        "includeDirectDebitTimelineEvents",
        "includeOtherTimelineEvents",
        "includeAllArticlesOfSelectedProducts",
        "retrieveArticleNumbers",
    ];

    /// Sets one field after the other, in many ways: whether each is named, that is to be.
    fn wrong<R: Record + Default>() -> Vec<String> {
        let schema = R::default().schema();
        let named = |element: &crate::soap::Element| {
            (0..32).any(|seed| {
                let mut request = R::default();
                request.field_mut(element.field).unwrap().fill(&mut Sampler::full(seed), element);
                within(&request) == Some(element.name)
            })
        };
        let wrong =
            schema.elements.iter().filter(|element| named(element) == NO_FILTERS.contains(&element.name));
        wrong.map(|element| format!("{}.{}", schema.name, element.name)).collect()
    }

    #[test]
    fn every_field_that_leaves_changes_out_is_named() {
        macro_rules! all {
            ($($request:ty),* $(,)?) => { [$(wrong::<$request>()),*].concat() };
        }
        let wrong = all![
            GetActivitiesRequest,
            GetActivityTypesRequest,
            GetArticleAlterationsGroupsRequest,
            GetArticleGroupChangesRequest,
            GetArticleGroupsRequest,
            GetCashDrawerBalancingListRequest,
            GetDayStockConfigurationRequest,
            GetEmployeesRequest,
            GetGiftcardsRequest,
            GetInterbranchDeliveriesRequest,
            GetInterbranchOrdersRequest,
            GetInterbranchShipmentsRequest,
            GetInvoicesRequest,
            GetNutritionalCharacteristicsRequest,
            GetOrderChangesRequest,
            GetOrdersRequest,
            GetPackingSlipsRequest,
            GetPreparationMethodGroupsRequest,
            GetProductsRequest,
            GetProposalsRequest,
            GetPurchaseDeliveriesRequest,
            GetPurchaseDeliveriesV2Request,
            GetPurchaseOrdersRequest,
            GetPurchaseOrdersV2Request,
            GetReceiptsRequest,
            GetRelationPointsRequest,
            GetRelationsRequest,
            GetSalesRepeatTemplatesRequest,
            GetTicketCounterSalesRequest,
        ];
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
