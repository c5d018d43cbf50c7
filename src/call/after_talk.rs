//! What follows a talk with an agent of a queue, where the flow wants it: the agent is done and goes on with their work, the caller is asked
//! something, and the call ends as that node says. Or the agent sends the caller back to a node of the script, which goes on from there as ever. Nobody
//! comes to a person by answering badly what follows a talk, but whoever asks for one gets one.

use super::Command;
use super::ladders::Ladders;
use super::machine::{Call, Now};
use super::state::{Farewell, State};
use crate::base::{AttemptId, Disposition, LegId};
use crate::flow::{Action, Cursor, Phrase};

impl Call {
    /// The agent has ended the talk: what the flow wants asked of the caller, or the end.
    pub(crate) fn agent_ended_the_talk(&mut self, now: &mut Now) {
        let State::Joined { attempt, target, .. } = &self.state else { return };
        let (attempt, to) = (*attempt, target.clone());
        let Some((node, action)) = self.what_follows(now, &to) else {
            let because = self.because();
            return self.end(now, Disposition::Transferred { to, because }, false);
        };
        self.decide(now, "after_talk", format!("the agent at {to} ended the talk; the caller goes on to {node}"));
        self.back_in_the_script(now, attempt);
        self.after = Some(to);
        self.perform(now, action);
    }

    /// The agent sends the caller back into the script, to one of the nodes that the flow names for it, and is done.
    pub(crate) fn send_back(&mut self, now: &mut Now, node: &str) {
        let State::Joined { attempt, target, .. } = &self.state else { return };
        let (attempt, to) = (*attempt, target.clone());
        let listed = self.flow.targets.get(&to).is_some_and(|target| target.back_to.iter().any(|name| name == node));
        let Some(action) = listed.then(|| self.go_to(now, node)).flatten() else {
            return self.decide(now, "desk_refused", format!("the flow lets no agent at {to} send callers back to {node}"));
        };
        self.decide(now, "sent_back", format!("the agent at {to} sends the caller back to {node}"));
        self.back_in_the_script(now, attempt);
        self.sent_back = Some(to);
        self.prefer = self.spoke_with.last().cloned();
        self.perform(now, action);
    }

    /// The agent goes, and the caller listens to the script again.
    fn back_in_the_script(&mut self, now: &mut Now, attempt: AttemptId) {
        now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
        self.talk_is_over(now, false);
        self.stop_listening(now);
        now.out.push(Command::Comfort(false));
        // Whatever was said and keyed before was meant for the agent, or for an earlier question.
        self.ears.floor = self.ears.newest;
        self.ahead.clear();
        (self.kept, self.left_off, self.on_hold, self.machine) = (None, None, false, false);
        self.said.clear();
        self.ladders = Ladders::new(self.flow.escalation);
        self.idle_steps = 0;
    }

    fn what_follows(&mut self, now: &Now, target: &str) -> Option<(String, Action)> {
        let node = self.flow.targets.get(target)?.after.clone()?;
        let action = self.go_to(now, &node)?;
        Some((node, action))
    }

    pub(super) fn go_to(&mut self, now: &Now, node: &str) -> Option<Action> {
        if self.cursor.is_none() {
            // Who is called back has not walked through the script.
            let language = self.language();
            let (mut cursor, _) = Cursor::start(self.flow.clone(), self.facts()?);
            cursor.set_language(language);
            // But they have told something in the call in which they asked for it, and are asked no second time.
            if let Some(called) = &self.called_back {
                cursor.recall(called.back.wish.card.slots.reveal());
            }
            self.cursor = Some(cursor);
        }
        let wall = self.wall(now);
        self.cursor.as_mut()?.go_to(wall, node)
    }

    /// The caller does not answer, or not so that it is understood: they have had what they called for, so that is all.
    pub(crate) fn no_answer_after_talk(&mut self, now: &mut Now, because: &str, why: String) {
        self.decide(now, "after_talk_over", format!("{because}: {why}; good-bye instead of a person"));
        self.hush(now);
        let parts = self.phrase(Phrase::GoodBye);
        self.leave(now, parts, Farewell::Script);
    }

    /// However the caller leaves what follows the talk: they were with the agent.
    pub(crate) fn ending_after_talk(&self, disposition: Disposition) -> Disposition {
        match (self.after.as_ref().or(self.sent_back.as_ref()), &disposition) {
            (None, _) | (_, Disposition::MessageTaken { .. } | Disposition::CallBack { .. }) => disposition,
            (Some(to), _) => Disposition::Transferred { to: to.clone(), because: self.because() },
        }
    }
}
