//! Forgets what is older than the configuration wants kept.

use std::sync::Arc;
use std::time::Duration;

use crate::exchange::Exchange;

/// How often it looks.
const INTERVAL: Duration = Duration::from_mins(1);

/// How often it looks where a text shall be gone as soon as it is settled.
const PROMPT: Duration = Duration::from_secs(1);

/// Between two bounded steps, so that sends get their turn at the writer.
const BREATH: Duration = Duration::from_millis(20);

pub(crate) async fn run(exchange: Arc<Exchange>) {
    loop {
        let retention = exchange.house_rules.load().retention;
        let interval = if retention.messages_ms == 0 { PROMPT } else { INTERVAL };
        let wait = match exchange.outbox.prune(exchange.now(), retention).await {
            Ok(true) => BREATH,
            Ok(false) => interval,
            Err(error) => {
                exchange.telemetry.disk_refused("forgetting old messages", &error);
                INTERVAL
            }
        };
        exchange.discard(Vec::new()).await;
        if exchange.sleep(wait).await.is_err() {
            return;
        }
    }
}
