//! Names that Kubernetes gives to addresses.

mod apply;
mod index;
mod objects;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead};
use std::net::IpAddr;

use crosscap_packet::Endpoint;
use serde::{Deserialize, Serialize};

use index::Index;
use objects::List;

/// What an address or an endpoint is called.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Name {
    /// `Service`, `Pod` or `Node`.
    pub kind: String,
    /// Its namespace; null for nodes.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The name of the port, where it has one.
    pub port_name: Option<String>,
}

/// Why names cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KubernetesError {
    /// The operating system failed while reading.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is not JSON, or an object in it is not what the Kubernetes API says.
    #[error("not the JSON of kubectl get: {0}")]
    Json(String),
    /// It is JSON without a list of objects.
    #[error(
        "no list of objects: kubectl get pods,services,endpointslices,nodes -A -o json writes one"
    )]
    NoList,
    /// The list holds nothing that names come from.
    #[error("no pods, services, endpointslices or nodes in it")]
    NoObjects,
}

/// The names of a cluster at one time: what `kubectl get pods,services,endpointslices,nodes -A -o json` wrote.
///
/// An address that two objects lay claim to has no name. Pods that have ended own no address any more, and a pod on its
/// node's network has the node's: such an address is called after the node.
#[derive(Clone, Debug)]
pub struct KubernetesNames(Index);

/// What a file says of where a connection to a Service was led.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BackendState {
    /// An endpoint of the Service, ready.
    Ready,
    /// An endpoint of the Service that is not ready.
    NotReady,
    /// An endpoint of the Service that is being shut down.
    Terminating,
    /// No endpoint of the Service.
    NotAnEndpoint,
    /// The file does not say: it has no endpoint slices of the Service, or not this port, or where the connection was
    /// led to is another address of the Service itself.
    Unknown,
}

impl BackendState {
    /// As the report contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady => "not-ready",
            Self::Terminating => "terminating",
            Self::NotAnEndpoint => "not-an-endpoint",
            Self::Unknown => "unknown",
        }
    }
}

impl KubernetesNames {
    /// Reads the list. Objects of other kinds and fields that are not known are passed over, and fields may be missing.
    ///
    /// # Errors
    ///
    /// If reading fails, if it is not such a list, with line and column, or if none of its objects is of use.
    pub fn read(mut file: impl BufRead) -> Result<Self, KubernetesError> {
        // Some shells begin files with a byte order mark.
        if file.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            file.consume(3);
        }
        let list: List = serde_json::from_reader(file).map_err(|e| {
            if e.is_io() {
                KubernetesError::Read(e.into())
            } else {
                KubernetesError::Json(e.to_string())
            }
        })?;
        let items = list.items.ok_or(KubernetesError::NoList)?.0;
        if items.is_empty() {
            return Err(KubernetesError::NoObjects);
        }
        Ok(Self(Index::of(items)))
    }

    /// What an address is called, whatever the port.
    #[must_use]
    pub fn address(&self, address: IpAddr) -> Option<Name> {
        self.0.address(address)
    }

    /// What is called at an endpoint; with the name of the port, where it has one.
    #[must_use]
    pub fn endpoint(&self, endpoint: Endpoint) -> Option<Name> {
        self.0.endpoint(endpoint)
    }

    /// What `backend` was to the Service at `service` at the time of the file; `None` where no Service is known there.
    #[must_use]
    pub fn backend(&self, service: Endpoint, backend: Endpoint) -> Option<BackendState> {
        self.0.backend(service, backend)
    }
}
