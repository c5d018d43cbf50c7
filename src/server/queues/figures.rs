//! What monitors see of the queues.

use crate::acd::{QueueView, WaitFigures};

/// The bands of positions in which announced waits are counted, as labels; `all` stands for every position.
const BANDS: [&str; 4] = ["1", "2-4", "5-9", "10+"];

/// Sets the figures of each queue. Labels are bounded: the queues of the configuration, and five for positions.
pub(super) fn tell(queues: &[QueueView]) {
    for queue in queues {
        metrics::gauge!("hotline_queue_waiting", "queue" => queue.name.clone()).set(queue.waiting as f64);
        metrics::gauge!("hotline_queue_free_agents", "queue" => queue.name.clone()).set(queue.free as f64);
        let all = queue
            .figures
            .iter()
            .fold(WaitFigures::default(), |all, band| WaitFigures { told: all.told + band.told, kept: all.kept + band.kept });
        for (positions, figures) in BANDS.into_iter().zip(queue.figures).chain([("all", all)]) {
            announced(&queue.name, positions, figures);
        }
    }
}

/// Callers who were told how long it would take, of whom it is known what came, and who of them were served inside it. The share is of
/// no meaning before the first.
fn announced(queue: &str, positions: &'static str, figures: WaitFigures) {
    let WaitFigures { told, kept } = figures;
    let queue = queue.to_string();
    metrics::gauge!("hotline_queue_announced_waits", "queue" => queue.clone(), "positions" => positions).set(told as f64);
    metrics::gauge!("hotline_queue_announced_waits_kept", "queue" => queue.clone(), "positions" => positions).set(kept as f64);
    if told > 0 {
        let share = kept as f64 / told as f64;
        metrics::gauge!("hotline_queue_announced_waits_kept_ratio", "queue" => queue, "positions" => positions).set(share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acd::{Acd, AgentSetup, Now, QueueSetup, Setup};
    use crate::base::{Moment, WallTime};
    use metrics_exporter_prometheus::PrometheusBuilder;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn monitors_see_the_share_of_announced_waits_that_were_kept() {
        let anna = AgentSetup {
            name: "anna".into(),
            skills: BTreeMap::from([("help".to_string(), 1)]),
            languages: BTreeSet::new(),
            returns: None,
        };
        let now = Now { at: Moment::ZERO, wall: WallTime(0) };
        let acd = Acd::new(Setup::new(vec![QueueSetup::named("help")], vec![anna]), now).expect("a set-up");
        let mut views = acd.queue_views(now.at);
        let figures = |told, kept| WaitFigures { told, kept };
        views[0].figures = [figures(8, 7), figures(12, 9), figures(0, 0), figures(0, 0)];
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || tell(&views));
        let text = recorder.handle().render();
        for line in [
            "hotline_queue_announced_waits_kept_ratio{queue=\"help\",positions=\"1\"} 0.875",
            "hotline_queue_announced_waits_kept_ratio{queue=\"help\",positions=\"2-4\"} 0.75",
            "hotline_queue_announced_waits_kept_ratio{queue=\"help\",positions=\"all\"} 0.8",
            "hotline_queue_announced_waits{queue=\"help\",positions=\"all\"} 20",
            "hotline_queue_announced_waits_kept{queue=\"help\",positions=\"10+\"} 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(!text.contains("kept_ratio{queue=\"help\",positions=\"5-9\"}"), "nobody was told anything there: {text}");
    }
}
