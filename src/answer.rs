//! What responses of any service say of their errors: gRPC's status, and errors named in JSON.

pub mod grpc;
pub mod problem;
