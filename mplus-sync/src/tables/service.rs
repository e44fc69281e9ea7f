//! Pulls tables and courses, and looks at tables.

use mplus_qapi::table_orders::{
    Floorplan, GetCourseListV2Request, GetFloorplansRequest, GetTableListV3Request,
};

use crate::merchant::Merchant;
use crate::model::{BranchNumber, FloorPlan, LocationId, TableRef};
use crate::pos_call::is_unknown_operation;
use crate::store::{Select, StoreError};

use super::{TableState, floor, read_table};

/// Pulls the tables and courses of one connection's locations.
#[derive(Debug, Clone)]
pub struct TableService {
    merchant: Merchant,
}

/// Tables could not be read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The location has no branch at the POS.
    #[error("location {location} is no branch of MplusKASSA; sync the branches")]
    NoBranch {
        /// Which.
        location: LocationId,
    },
    /// The POS gave an answer that is not documented.
    #[error("MplusKASSA did not show table {number}: {answer}")]
    Unexpected {
        /// Which table.
        number: i32,
        /// The answer.
        answer: String,
    },
    /// A call to the POS failed.
    #[error(transparent)]
    Pos(#[from] mplus_qapi::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TableService {
    /// The service of this merchant.
    pub fn new(merchant: &Merchant) -> Self {
        Self { merchant: merchant.clone() }
    }

    /// Pulls the tables, sub-tables, areas and courses of a location and keeps them as its floor plan.
    ///
    /// The POS gives no marker for these: the whole plan is read and replaced, and returned.
    pub async fn pull(&self, location: &LocationId) -> Result<FloorPlan, TableError> {
        let branch = self.branch(location).await?;
        let request = GetTableListV3Request { branch_number: branch.get() };
        let tables = self.merchant.client().get_table_list_v3(request).await?.whole_table;
        let courses =
            self.merchant.client().get_course_list_v2(GetCourseListV2Request::default()).await?.course;
        let plan = FloorPlan {
            location: location.clone(),
            tables: floor::tables(tables),
            areas: floor::areas(self.floor_plans(branch).await?),
            courses: floor::courses(courses),
            read_at: self.merchant.runtime().now(),
        };
        self.merchant.store().save_floor_plan(self.merchant.connection(), &plan).await?;
        Ok(plan)
    }

    /// The POS's floor plans; none of a service that does not know them.
    async fn floor_plans(&self, branch: BranchNumber) -> Result<Vec<Floorplan>, mplus_qapi::Error> {
        let request = GetFloorplansRequest { branch_number: branch.get() };
        match self.merchant.client().get_floorplans(request).await {
            Ok(response) => Ok(response.floorplans.into_iter().collect()),
            Err(error) if is_unknown_operation(&error) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// What goes on at a table, without claiming it. `workplace` is the one that asks.
    pub async fn state(
        &self,
        location: &LocationId,
        workplace: i32,
        table: TableRef,
    ) -> Result<TableState, TableError> {
        let branch = self.branch(location).await?;
        match read_table(self.merchant.client(), branch, workplace, table, None).await? {
            Ok(order) => Ok(order.into()),
            Err(answer) => Err(TableError::Unexpected { number: table.number, answer }),
        }
    }

    async fn branch(&self, location: &LocationId) -> Result<BranchNumber, TableError> {
        let wanted = Select::Ids(vec![location.clone()]);
        let found = self.merchant.store().locations(self.merchant.connection(), wanted).await?;
        let branch = found.into_iter().next().and_then(|location| location.external_ids.mpluskassa);
        branch.ok_or_else(|| TableError::NoBranch { location: location.clone() })
    }
}
