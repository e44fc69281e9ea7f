//! Pulls tables and courses, and looks at tables.

use std::sync::Arc;

use mplus_qapi::table_orders::{
    Floorplan, GetCourseListV2, GetFloorplans, GetFloorplansRequest, GetTableListV3, GetTableListV3Request,
};
use mplus_qapi::types::{Terminal, TerminalStatus};

use crate::merchant::{Lacking, Merchant};
use crate::model::{BranchNumber, FloorPlan, LocationId, TableRef};
use crate::store::{Select, StoreError};

use super::{TableState, floor, read_table};

/// Pulls the tables and courses of one connection's locations.
#[derive(Debug, Clone)]
pub struct TableService {
    merchant: Merchant,
    lacking: Arc<Lacking>,
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
        Self { merchant: merchant.clone(), lacking: Arc::new(Lacking::new(merchant)) }
    }

    /// Pulls the tables, sub-tables, areas and courses of a location and keeps them as its floor plan.
    ///
    /// The POS gives no marker for these: the whole plan is read and replaced, and returned. Of a POS that does not know a
    /// call, what that call tells stays as it was stored; see [`Connection::lacking`](crate::model::Connection::lacking). So does
    /// what is told by an empty list: of a floor plan that is there, nothing goes by an answer without content.
    pub async fn pull(&self, location: &LocationId) -> Result<FloorPlan, TableError> {
        let branch = self.branch(location).await?;
        let request = GetTableListV3Request { branch_number: branch.get() };
        let tables = self.lacking.call(GetTableListV3::from(request), None).await?;
        let courses = self.lacking.call(GetCourseListV2::default(), None).await?;
        let areas = self.floor_plans(branch).await?;
        let known = self.merchant.store().floor_plan(self.merchant.connection(), location).await?;
        let (known_tables, known_areas, known_courses) =
            known.map(|known| (known.tables, known.areas, known.courses)).unwrap_or_default();
        let plan = FloorPlan {
            location: location.clone(),
            tables: unless_empty(tables.map(|read| floor::tables(read.whole_table)), known_tables),
            areas: unless_empty(areas.map(floor::areas), known_areas),
            courses: unless_empty(courses.map(|read| floor::courses(read.course)), known_courses),
            read_at: self.merchant.runtime().now(),
        };
        self.merchant.store().save_floor_plan(self.merchant.connection(), &plan).await?;
        Ok(plan)
    }

    /// The POS's floor plans; none of a service that does not know them.
    async fn floor_plans(&self, branch: BranchNumber) -> Result<Option<Vec<Floorplan>>, mplus_qapi::Error> {
        let request = GetFloorplansRequest { branch_number: branch.get() };
        let plans = self.lacking.call(GetFloorplans::from(request), None).await?;
        Ok(plans.map(|plans| plans.floorplans.into_iter().collect()))
    }

    /// What goes on at a table, without claiming it. `workplace` is the one that asks.
    pub async fn state(
        &self,
        location: &LocationId,
        workplace: i32,
        table: TableRef,
    ) -> Result<TableState, TableError> {
        let branch = self.branch(location).await?;
        let terminal = Terminal {
            branch_number: branch.get(),
            terminal_number: workplace,
            terminal_status: TerminalStatus::Available,
            ..Terminal::default()
        };
        match read_table(&self.lacking, &terminal, table, None).await? {
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

/// What was read; what was known, where that is nothing.
fn unless_empty<T>(read: Option<Vec<T>>, known: Vec<T>) -> Vec<T> {
    read.filter(|read| !read.is_empty()).unwrap_or(known)
}
