//! Leases and due runs in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{
    ClaimedRun, ConnectionId, HeldLease, Holder, Lease, LeaseName, RunKind, RunRequest, RunStatus, RunStep,
    StoredReport,
};
use crate::store::{
    LeaseStore, RunBacklog, RunClaimRequest, RunStore, StoreError, StoreErrorKind, Wake, WakeUp,
};

use super::{MemoryStore, State};

fn lost(action: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Conflict, action)
}

impl State {
    /// The lease as it is stored, when it is still this one.
    fn held(&mut self, lease: &Lease) -> Option<&mut HeldLease> {
        let held = self.leases.get_mut(&(lease.connection.clone(), lease.name.clone()));
        held.filter(|held| held.lease.token == lease.token)
    }
}

#[async_trait]
impl LeaseStore for MemoryStore {
    async fn acquire(
        &self,
        connection: &ConnectionId,
        name: &LeaseName,
        holder: &Holder,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        let mut state = self.lock();
        let key = (connection.clone(), name.clone());
        let free = |held: &HeldLease| held.lease.until <= now || holder.succeeds(&held.lease.holder);
        if !state.leases.get(&key).is_none_or(free) {
            return Ok(None);
        }
        state.lease_tokens += 1;
        let lease = Lease {
            connection: connection.clone(),
            name: name.clone(),
            holder: holder.clone(),
            until,
            token: state.lease_tokens,
        };
        state.leases.insert(key, HeldLease { lease: lease.clone(), since: now, note: None });
        Ok(Some(lease))
    }

    async fn extend(&self, lease: &Lease, until: DateTime<Utc>) -> Result<Lease, StoreError> {
        let mut state = self.lock();
        let held = state.held(lease).ok_or_else(|| lost("extend the lease"))?;
        held.lease.until = until;
        Ok(held.lease.clone())
    }

    async fn note_lease(&self, lease: &Lease, note: &str) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.held(lease).ok_or_else(|| lost("note on the lease"))?.note = Some(note.to_owned());
        Ok(())
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.held(lease).is_some() {
            state.leases.remove(&(lease.connection.clone(), lease.name.clone()));
        }
        Ok(())
    }

    async fn leases(
        &self,
        connection: Option<&ConnectionId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<HeldLease>, StoreError> {
        let state = self.lock();
        let mine = |held: &&HeldLease| connection.is_none_or(|id| held.lease.connection == *id);
        Ok(state.leases.values().filter(|held| held.lease.until > now).filter(mine).cloned().collect())
    }

    async fn prune_leases(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut state = self.lock();
        let count = state.leases.len();
        state.leases.retain(|_, held| held.lease.until >= before);
        Ok((count - state.leases.len()) as u64)
    }
}

#[async_trait]
impl RunStore for MemoryStore {
    async fn request_run(
        &self,
        connection: &ConnectionId,
        kind: &RunKind,
        request: RunRequest,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let run = state.runs.entry((connection.clone(), kind.clone())).or_default();
        *run = std::mem::take(run).requested(request);
        drop(state);
        self.wake(Wake::Runs);
        Ok(())
    }

    async fn claim_runs(
        &self,
        request: &RunClaimRequest,
        now: DateTime<Utc>,
    ) -> Result<Vec<ClaimedRun>, StoreError> {
        let mut state = self.lock();
        let mut due: Vec<_> = state
            .runs
            .iter()
            .filter(|((connection, kind), _)| {
                request.connection.as_ref().is_none_or(|id| id == connection)
                    && (request.kinds.is_empty() || request.kinds.contains(kind))
                    && !request.except.contains(connection)
                    && !state.is_held(connection)
            })
            .filter(|(_, run)| run.due_at().is_some_and(|due| due <= now))
            .map(|(key, run)| (run.turn(), key.clone()))
            .collect();
        due.sort();
        let mut claimed = Vec::new();
        for (_, (connection, kind)) in due.into_iter().take(request.limit) {
            let run = state.runs.entry((connection.clone(), kind.clone())).or_default();
            let (next, mine) =
                std::mem::take(run).claimed(&connection, &kind, &request.holder, request.until, now);
            *run = next;
            claimed.push(mine);
        }
        Ok(claimed)
    }

    async fn step_run(&self, run: &ClaimedRun, step: RunStep<'_>) -> Result<(), StoreError> {
        let mut state = self.lock();
        let key = (run.connection.clone(), run.kind.clone());
        let found = state.runs.get(&key).cloned().unwrap_or_default();
        let next = step.carry_out(found, run).map_err(|why| lost(step.action()).with_source(why))?;
        if next.is_empty() {
            state.runs.remove(&key);
        } else {
            state.runs.insert(key, next);
        }
        Ok(())
    }

    async fn connections_without_run(
        &self,
        kind: &RunKind,
        limit: usize,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        let state = self.lock();
        let unknown = |id: &&ConnectionId| !state.runs.contains_key(&((*id).clone(), kind.clone()));
        let ids = state.connections.keys().filter(unknown).filter(|id| !state.is_held(id));
        Ok(ids.take(limit).cloned().collect())
    }

    async fn runs(&self, connection: &ConnectionId) -> Result<Vec<RunStatus>, StoreError> {
        let state = self.lock();
        let mine = state.runs.iter().filter(|((id, _), _)| id == connection);
        Ok(mine.map(|((id, kind), run)| run.status(id.clone(), kind.clone())).collect())
    }

    async fn run_backlog(&self, now: DateTime<Utc>) -> Result<RunBacklog, StoreError> {
        let state = self.lock();
        let mut backlog = RunBacklog::default();
        for ((connection, _), run) in &state.runs {
            let Some(due) = run.due_at().filter(|_| !state.is_held(connection)) else { continue };
            if due <= now {
                backlog.due += 1;
                backlog.oldest = Some(backlog.oldest.map_or(due, |oldest| oldest.min(due)));
            } else if run.is_running() {
                backlog.running += 1;
            }
        }
        Ok(backlog)
    }

    async fn save_report(
        &self,
        connection: &ConnectionId,
        kind: &RunKind,
        report: &StoredReport,
    ) -> Result<(), StoreError> {
        self.write(connection, |merchant| merchant.reports.insert(kind.clone(), report.clone()));
        Ok(())
    }

    async fn last_reports(
        &self,
        connection: &ConnectionId,
    ) -> Result<Vec<(RunKind, StoredReport)>, StoreError> {
        Ok(self.read(connection, |merchant| {
            merchant.reports.iter().map(|(kind, report)| (kind.clone(), report.clone())).collect()
        }))
    }

    async fn last_report(
        &self,
        connection: &ConnectionId,
        kind: &RunKind,
    ) -> Result<Option<StoredReport>, StoreError> {
        Ok(self.read(connection, |merchant| merchant.reports.get(kind).cloned()))
    }
}
