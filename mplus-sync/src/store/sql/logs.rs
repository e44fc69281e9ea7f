//! The activity log in a database.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{Activity, ConnectionId, LoggedActivity};
use crate::store::{ActivityLog, StoreError};

use super::driver::{Driver, Durability};
use super::value::Row;
use super::write::Write;
use super::{SqlStore, format, limit, table};

#[async_trait]
impl<D: Driver> ActivityLog for SqlStore<D> {
    async fn log(&self, connection: &ConnectionId, activities: &[Activity]) -> Result<(), StoreError> {
        let row = |activity: &Activity| {
            let body = format::to_new_json(activity)?;
            Ok(vec![connection.as_str().into(), activity.at.into(), body.into()])
        };
        let rows = activities.iter().map(row).collect::<Result<Vec<_>, StoreError>>()?;
        if rows.is_empty() {
            return Ok(());
        }
        let write = Write::insert(&table::ACTIVITIES, rows);
        self.driver.write("log activities", Durability::Immediate, vec![write]).await
    }

    async fn activities(
        &self,
        connection: &ConnectionId,
        before: Option<i64>,
        page: usize,
    ) -> Result<Vec<LoggedActivity>, StoreError> {
        let sql = "SELECT sequence, body FROM mplus_activities WHERE connection = ? AND sequence < ? \
                   ORDER BY sequence DESC LIMIT ?";
        let values = vec![connection.as_str().into(), before.unwrap_or(i64::MAX).into(), limit(page).into()];
        let rows = self.driver.query("read activities", sql, values).await?;
        let logged = |mut row: Row| {
            let sequence = row.integer()?;
            let activity = format::read_json(&row.text()?, "activity", &sequence.to_string())?;
            Ok(LoggedActivity { sequence, activity })
        };
        // A line that cannot be read is left out.
        Ok(rows.into_iter().map(logged).filter_map(|logged: Result<_, StoreError>| logged.ok()).collect())
    }

    async fn prune_activities(
        &self,
        connection: &ConnectionId,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let sql = "DELETE FROM mplus_activities WHERE connection = ? AND at < ?";
        self.driver.execute("prune activities", sql, vec![connection.as_str().into(), before.into()]).await
    }
}
