//! A service whose answers wait for the test's word.

use std::sync::Arc;

use http::Response;
use tokio::sync::Semaphore;

use super::origin::Origin;
use super::origin::full;

/// Holds answers back.
#[derive(Clone, Debug)]
pub struct Hold {
    arrived: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

impl Hold {
    /// A service that answers "held" to each request once it has been released.
    pub async fn origin() -> (Origin, Self) {
        let hold =
            Self { arrived: Arc::new(Semaphore::new(0)), released: Arc::new(Semaphore::new(0)) };
        let held = hold.clone();
        let origin = Origin::start(move |_| {
            let held = held.clone();
            async move {
                held.arrived.add_permits(1);
                held.released.acquire().await.unwrap().forget();
                Response::new(full("held"))
            }
        });
        (origin.await, hold)
    }

    /// Waits until another request has reached the service.
    pub async fn arrived(&self) {
        let arrived = tokio::time::timeout(super::DEADLINE, self.arrived.acquire());
        arrived.await.expect("a request reaches the service").unwrap().forget();
    }

    /// Lets one request be answered.
    pub fn release(&self) {
        self.released.add_permits(1);
    }
}
