//! The incident that operators have told callers about: one small file beside the database, so that it works while the database
//! does not, and a gateway that runs sees it within seconds.

use super::open::make_private_dir;
use super::{Store, StoreError};
use crate::flow::Incident;
use std::path::PathBuf;

impl Store {
    /// Where it stands: `incident.json`.
    pub fn incident_path(&self) -> PathBuf {
        self.dir.join("incident.json")
    }

    /// What is told now, whether or not its time has passed; `None` = nothing.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub async fn incident(&self) -> Result<Option<Incident>, StoreError> {
        let path = self.incident_path();
        match tokio::fs::read(&path).await {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|e| StoreError::File { path, source: std::io::Error::new(std::io::ErrorKind::InvalidData, e) }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::File { path, source }),
        }
    }

    /// Tells callers about an incident from now on, or no longer.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn set_incident(&self, incident: Option<&Incident>) -> Result<(), StoreError> {
        let path = self.incident_path();
        let failed = |source| StoreError::File { path: path.clone(), source };
        make_private_dir(&self.dir).map_err(failed)?;
        match incident {
            None => match tokio::fs::remove_file(&path).await {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(failed(e)),
                _ => Ok(()),
            },
            Some(incident) => {
                let text = serde_json::to_vec_pretty(incident).map_err(|e| failed(std::io::Error::other(e)))?;
                let draft = self.dir.join("incident.json.new");
                tokio::fs::write(&draft, text).await.map_err(failed)?;
                tokio::fs::rename(&draft, &path).await.map_err(failed)
            }
        }
    }
}
