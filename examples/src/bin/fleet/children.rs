//! The processes, as their parent sees them.

use std::error::Error;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::child::{TASK, Task};

/// A process; it ends with its parent.
pub(crate) struct Process {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// Starts so many processes, whose names begin alike, and waits until they work.
pub(crate) async fn start(task: &Task, count: u32) -> Result<Vec<Process>, Box<dyn Error>> {
    let mut processes = Vec::new();
    for number in 0..count.max(1) {
        // Those of this release come first.
        let is_newer = number + task.newer_processes >= count.max(1);
        let task = Task { name: format!("{}-{number}", task.name), is_newer, ..task.clone() };
        let mut child = Command::new(std::env::current_exe()?)
            .env(TASK, serde_json::to_string(&task)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a process has no standard input or output".into());
        };
        let answers = BufReader::new(answers).lines();
        processes.push(Process { child, orders, answers });
    }
    for process in &mut processes {
        process.answer().await?;
    }
    Ok(processes)
}

/// Stops processes and gives back what each says of itself.
pub(crate) async fn stop(processes: Vec<Process>) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut said = Vec::new();
    for mut process in processes {
        process.orders.write_all(b"stop\n").await?;
        said.push(process.answer().await?);
        process.child.wait().await?;
    }
    Ok(said)
}

impl Process {
    async fn answer(&mut self) -> Result<Value, Box<dyn Error>> {
        let line = self.answers.next_line().await?.ok_or("a process ended by itself")?;
        Ok(serde_json::from_str(&line)?)
    }

    /// What it holds in memory, in bytes, and its calls of the store so far, where it counts them.
    pub(crate) async fn stats(&mut self) -> Result<(u64, u64), Box<dyn Error>> {
        self.orders.write_all(b"stats\n").await?;
        let stats = self.answer().await?;
        let number = |name: &str| stats[name].as_u64().unwrap_or_default();
        Ok((number("resident"), number("calls")))
    }

    /// Ends it without a word.
    pub(crate) async fn kill(mut self) -> Result<(), Box<dyn Error>> {
        Ok(self.child.kill().await?)
    }
}
