//! The incident that operators have told callers about: one small file beside the database, so that it works while the database
//! does not, and a gateway that runs sees it within seconds.

use super::StoreError;
use super::open::make_private_dir;
use crate::flow::Incident;
use std::path::{Path, PathBuf};

/// Where it stands in the records' folder.
pub(super) fn incident_path(folder: &Path) -> PathBuf {
    folder.join("incident.json")
}

/// What is told now, whether or not its time has passed; `None` = nothing.
///
/// # Errors
/// When the file cannot be read or is damaged.
pub async fn incident(folder: &Path) -> Result<Option<Incident>, StoreError> {
    let path = incident_path(folder);
    match tokio::fs::read(&path).await {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|e| StoreError::File { path, source: std::io::Error::new(std::io::ErrorKind::InvalidData, e) }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::File { path, source }),
    }
}

/// Tells callers about an incident from now on, or no longer; the folder is made if it is not there yet.
///
/// # Errors
/// When the disk refuses.
pub async fn set_incident(folder: &Path, incident: Option<&Incident>) -> Result<(), StoreError> {
    let path = incident_path(folder);
    let failed = |source| StoreError::File { path: path.clone(), source };
    make_private_dir(folder).map_err(failed)?;
    match incident {
        None => match tokio::fs::remove_file(&path).await {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(failed(e)),
            _ => Ok(()),
        },
        Some(incident) => {
            let text = serde_json::to_vec_pretty(incident).map_err(|e| failed(std::io::Error::other(e)))?;
            let draft = folder.join("incident.json.new");
            tokio::fs::write(&draft, text).await.map_err(failed)?;
            tokio::fs::rename(&draft, &path).await.map_err(failed)
        }
    }
}
