//! A disk that is full: what was acknowledged stays, what is refused leaves no trace, and it works again with space.

use tieline_core::outbox::{Outbox, OutboxError, Settlement};

use super::ground::*;

/// Limits the file to so many pages more than it has.
async fn leave_pages(ground: &Ground, pages: i64) {
    let limit = move |batch: &mut crate::writer::Batch<'_, '_>| {
        let used: i64 = batch.connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        batch.connection.query_row(&format!("PRAGMA max_page_count = {}", used + pages), [], |_| Ok(()))?;
        Ok(())
    };
    ground.outbox.writer.ask(limit).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let ground = Ground::new();
    ground.take(message("m0", "before"), &["b/x"]).await;
    leave_pages(&ground, 12).await;
    let words = "word ".repeat(400);
    let mut taken = vec!["m0".to_owned()];
    let refused = loop {
        let id = format!("m{}", taken.len());
        // Each goes to a new channel, so that the names of channels and lanes are at stake too.
        let target = format!("b/room{}", taken.len());
        match ground.outbox.accept(intake(message(&id, &words), 0, to(&[&target]))).await {
            Ok(accepted) if is_new(&accepted) => taken.push(id),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break (id, target, error),
        }
    };
    let (id, target, error) = refused;
    assert!(matches!(error, OutboxError::Disk(_)), "{error:?}");
    assert_eq!(ground.heard.0.lock().unwrap().len(), taken.len(), "the feed hears only of what is committed");
    ground.check_law().await;
    let first = ground.heard.0.lock().unwrap()[0].id;
    ground.outbox.settle(first, Settlement::Filtered("room".into()), REALM, at(1)).await.unwrap();

    leave_pages(&ground, 1000).await;
    assert!(is_new(&ground.outbox.accept(intake(message(&id, &words), 0, to(&[&target]))).await.unwrap()));
    taken.push(id);
    let positions: Vec<_> = ground.heard.0.lock().unwrap().iter().map(|delivery| delivery.position.0).collect();
    assert_eq!(positions, (1..=taken.len() as i64).collect::<Vec<_>>(), "no number is lost or given twice");
    let ground = ground.reopen(false).await;
    for id in &taken {
        assert!(is_repeat(&ground.take(message(id, &words), &["b/x"]).await), "{id} was acknowledged");
    }
    assert_eq!(ground.outbox.pending_lanes().await.unwrap().len(), taken.len() - 1);
    ground.check_law().await;
}
