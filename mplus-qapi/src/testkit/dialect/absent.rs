//! Calls that a service does not know, and how it says so.

use super::{Absent, AbsentText, Dialect};
use crate::soap::Fault;

const MENU_EXTRAS: &[&str] = &[
    "getArticleBranchDeviations",
    "saveArticleBranchDeviations",
    "getPreparationMethodGroups",
    "getArticlesPreparationMethodGroups",
    "getArticleAlterationsGroups",
    "getNutritionalCharacteristics",
    "getImages",
    "updateArticleMenu",
    "getArticleComponents",
];
const NEWER_ORDER_CALLS: &[&str] = &[
    "createOrderV2",
    "createOrderV3",
    "updateOrderV2",
    "payOrderV2",
    "cancelOrderV2",
    "getOrdersByExtOrderIds",
    "placeTableOrder",
    "createAndPayTableOrder",
    "saveTableOrderV2",
    "getTableOrderV3",
    "getCurrentTableOrders",
    "findTableOrder",
    "releaseTableV2",
];
const OTHER_NEWER_CALLS: &[&str] = &[
    "getBranchInformation",
    "getCurrentSyncMarkersV2",
    "getPaymentMethodsV2",
    "getAvailablePaymentMethodsV2",
    "findRelationV2",
    "getTableListV3",
    "getFloorplans",
    "getCourseListV2",
    "getEmployees",
];

impl Absent {
    /// The names of the calls.
    fn calls(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Nothing => &[],
            Self::BranchInformation => &[&["getBranchInformation"]],
            Self::SyncMarkersV2 => &[&["getCurrentSyncMarkersV2"]],
            Self::SyncMarkers => &[&["getCurrentSyncMarkers", "getCurrentSyncMarkersV2"]],
            Self::VatGroups => &[&["getVatGroupList"]],
            Self::BranchPrices => &[&["getArticleBranchDeviations"]],
            Self::SaveBranchPrices => &[&["saveArticleBranchDeviations"]],
            Self::PreparationGroups => &[&["getPreparationMethodGroups"]],
            Self::ArticlesPreparation => &[&["getArticlesPreparationMethodGroups"]],
            Self::Alterations => &[&["getArticleAlterationsGroups"]],
            Self::Nutrition => &[&["getNutritionalCharacteristics"]],
            Self::Images => &[&["getImages"]],
            Self::ArticleMenu => &[&["updateArticleMenu"]],
            Self::Components => &[&["getArticleComponents"]],
            Self::FindRelationV2 => &[&["findRelationV2"]],
            Self::CreateOrderV3 => &[&["createOrderV3"]],
            Self::CreateOrderV2 => &[&["createOrderV2", "createOrderV3"]],
            Self::PayOrderV2 => &[&["payOrderV2"]],
            Self::CancelOrderV2 => &[&["cancelOrderV2"]],
            Self::OrdersByNumber => &[&["getOrdersByExtOrderIds"]],
            Self::FindOrder => &[&["findOrder"]],
            Self::PlaceTableOrder => &[&["placeTableOrder"]],
            Self::CreateAndPayTableOrder => &[&["createAndPayTableOrder"]],
            Self::TableOrderV3 => &[&["getTableOrderV3"]],
            Self::TableList => &[&["getTableListV3", "getFloorplans"]],
            Self::PaymentMethodsV2 => &[&["getPaymentMethodsV2"]],
            Self::PaymentMethods => &[&[
                "getPaymentMethods",
                "getPaymentMethodsV2",
                "getAvailablePaymentMethods",
                "getAvailablePaymentMethodsV2",
            ]],
            Self::MenuExtras => &[MENU_EXTRAS],
            Self::NewerOrderCalls => &[NEWER_ORDER_CALLS],
            Self::OldService => &[MENU_EXTRAS, NEWER_ORDER_CALLS, OTHER_NEWER_CALLS],
        }
    }
}

impl Dialect {
    /// Whether this service has the call.
    pub fn knows(&self, operation: &str) -> bool {
        !self.absent.calls().iter().any(|calls| calls.contains(&operation))
    }

    /// What a gSOAP service answers to a call that it does not have.
    pub(in crate::testkit) fn unknown_call(&self, operation: &str) -> Fault {
        let text = match self.absent_text {
            AbsentText::Prefixed => {
                format!("Method 'ns1:{operation}' not implemented: method name or namespace not recognized")
            }
            AbsentText::Bare => {
                format!("Method '{operation}' not implemented: method name or namespace not recognized")
            }
            AbsentText::NoNamespace => format!("Method '{operation}' not implemented"),
        };
        Fault::new("Client", text)
    }
}
