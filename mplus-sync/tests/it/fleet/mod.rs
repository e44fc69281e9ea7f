//! All merchants of a store, by processes that share it: on every store in the box.

mod left_out;
mod observers;
mod orders;
mod runs;
mod several;
mod silence;
mod stop;
mod troubled;
mod world;

/// Makes a test of each function for each store. Those on a server are skipped, with a line that says so, where there is none.
macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::World::in_memory()).await;
            })*
        }
        #[cfg(feature = "sqlite")]
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::World::in_sqlite().await).await;
            })*
        }
        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                if let Some(world) = super::World::in_postgres().await {
                    super::$name(world).await;
                }
            })*
        }
        #[cfg(feature = "mysql")]
        mod mysql {
            $(#[tokio::test]
            async fn $name() {
                if let Some(world) = super::World::in_mysql().await {
                    super::$name(world).await;
                }
            })*
        }
    };
}
use on_every_store;
