//! Where the tests of the store have their records: each in a folder of its own, once with SQLite and once in a PostgreSQL database of
//! its own. Every test is written once and runs on both.

use super::database::Kind;
use super::{DatabaseUrl, Records, Store};
use std::path::Path;
use std::sync::OnceLock;

#[path = "../../tests/it/postgres.rs"]
#[allow(dead_code, reason = "tests/it stops it and starts it again")]
mod postgres;

/// One for all tests of this process, and gone with it.
static SERVER: OnceLock<Option<postgres::Postgres>> = OnceLock::new();

/// A place for one test.
pub(crate) struct Place {
    dir: tempfile::TempDir,
    pub(super) records: Records,
    pub(super) kind: Kind,
}

impl Place {
    pub(super) fn sqlite() -> Place {
        let dir = tempfile::tempdir().expect("a folder");
        Place { records: Records::in_folder(dir.path()), dir, kind: Kind::Sqlite }
    }

    /// `None` where PostgreSQL is not installed, which was said aloud.
    pub(super) fn postgres() -> Option<Place> {
        let server = SERVER.get_or_init(postgres::Postgres::start).as_ref()?;
        let Place { dir, mut records, .. } = Place::sqlite();
        records.database = Some(DatabaseUrl::parse(&server.database()).expect("an address"));
        Some(Place { dir, records, kind: Kind::Postgres })
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) async fn open(&self) -> Store {
        Store::open_at(&self.records).await.expect("a store")
    }
}

/// Makes tests of these functions, on each database; one that is forgotten is dead code, which is refused.
macro_rules! on_each_database {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::store::places::Place::sqlite()).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $name() {
                if let Some(place) = $crate::store::places::Place::postgres() {
                    super::$name(place).await;
                }
            })+
        }
    };
}
pub(super) use on_each_database;
