//! The API's routes, all of them in one table: method, path, who may, what goes in and out. The router and the description
//! (`openapi.json`) are both made from it, so that nothing can be served that does not stand here.

use super::access::{self, Access};
use super::problem::Problem;
use super::{WebState, audit, desk, desk_view, floor, openapi, session, setup, socket, softphone, users, wall_view};
use crate::store::Role;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Where the API lies.
pub(super) const BASE: &str = "/api/v1";

/// Most bytes of a request's body.
const BODY_MAX: usize = 16 * 1024;

/// Its bodies are no JSON, which the table would describe.
const PICKS_UP: &str =
    "Picks up in the page: an SDP offer in, an SDP answer out, both application/sdp; Location is the connection.";

/// Makes the description of a type.
type Describe = fn(&mut SchemaGenerator) -> Schema;

/// One line of the table.
pub(super) struct Route {
    pub(super) method: Method,
    /// Below [`BASE`].
    pub(super) path: &'static str,
    pub(super) access: Access,
    /// One sentence.
    pub(super) does: &'static str,
    /// The body that comes in.
    pub(super) takes: Option<Describe>,
    /// What may stand behind `?`.
    pub(super) asks: Option<Describe>,
    /// The status of success.
    pub(super) status: StatusCode,
    /// The body that goes out.
    pub(super) gives: Option<Describe>,
    handler: MethodRouter<WebState>,
}

impl Route {
    fn new<H, T>(method: Method, path: &'static str, access: Access, does: &'static str, handler: H) -> Route
    where
        H: Handler<T, WebState>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("a method that routers know");
        let (takes, asks, gives) = (None, None, None);
        Route { method, path, access, does, takes, asks, status: StatusCode::OK, gives, handler: on(filter, handler) }
    }

    fn takes<T: JsonSchema>(self) -> Route {
        Route { takes: Some(SchemaGenerator::subschema_for::<T>), ..self }
    }

    fn asks<T: JsonSchema>(self) -> Route {
        Route { asks: Some(T::json_schema), ..self }
    }

    fn gives<T: JsonSchema>(self) -> Route {
        Route { gives: Some(SchemaGenerator::subschema_for::<T>), ..self }
    }

    fn status(self, status: StatusCode) -> Route {
        Route { status, ..self }
    }
}

/// All of them.
pub(super) fn table() -> Vec<Route> {
    use Access::{Desk, Public, Session};
    const ADMIN: Access = Access::Role(Role::Admin);
    const SUPERVISOR: Access = Access::Role(Role::Supervisor);
    let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
    vec![
        Route::new(get.clone(), "/setup", Public, "Whether the first administrator is still to be made.", setup::state)
            .gives::<setup::SetUp>(),
        Route::new(post.clone(), "/setup", Public, "Makes the first administrator and logs them in.", setup::first_admin)
            .takes::<setup::FirstAdmin>()
            .gives::<session::Session>(),
        Route::new(get.clone(), "/session", Session, "Who is logged in.", session::show).gives::<session::Session>(),
        Route::new(post.clone(), "/session", Public, "Logs in.", session::log_in)
            .takes::<session::LogIn>()
            .gives::<session::Session>(),
        Route::new(patch.clone(), "/session", Session, "Sets the page's language.", session::set_language)
            .takes::<session::Language>()
            .gives::<session::Session>(),
        Route::new(delete.clone(), "/session", Session, "Logs out, here or everywhere.", session::log_out)
            .asks::<session::LogOut>()
            .status(StatusCode::NO_CONTENT),
        Route::new(post.clone(), "/session/password", Session, "Changes one's own password.", session::change_password)
            .takes::<session::NewPassword>()
            .status(StatusCode::NO_CONTENT),
        Route::new(get.clone(), "/users", ADMIN, "All users by name.", users::list).gives::<Vec<users::User>>(),
        Route::new(post.clone(), "/users", ADMIN, "Makes a user.", users::add)
            .takes::<users::AddUser>()
            .gives::<users::User>()
            .status(StatusCode::CREATED),
        Route::new(patch, "/users/{name}", ADMIN, "Changes a user.", users::change)
            .takes::<users::ChangeUser>()
            .gives::<users::User>(),
        Route::new(delete.clone(), "/users/{name}", ADMIN, "Removes a user.", users::remove).status(StatusCode::NO_CONTENT),
        Route::new(get.clone(), "/audit", SUPERVISOR, "Who did what, the newest first.", audit::list)
            .asks::<audit::Page>()
            .gives::<Vec<audit::Entry>>(),
        Route::new(get.clone(), "/desk", Desk, "The agent's desk, whole.", desk::show).gives::<desk_view::Desk>(),
        Route::new(post.clone(), "/desk/presence", Desk, "Takes calls, is away, or goes home.", desk::presence)
            .takes::<desk::NewPresence>()
            .gives::<desk_view::Desk>(),
        Route::new(post.clone(), "/desk/decline", Desk, "Leaves the call that rings to somebody else.", desk::decline)
            .gives::<desk_view::Desk>(),
        Route::new(post.clone(), "/desk/hangup", Desk, "Ends the call.", desk::hang_up).gives::<desk_view::Desk>(),
        Route::new(post.clone(), "/desk/hold", Desk, "Holds the call, or comes back.", desk::hold)
            .takes::<desk::Hold>()
            .gives::<desk_view::Desk>(),
        Route::new(post.clone(), "/desk/transfer", Desk, "Sends the caller on to a queue or a colleague.", desk::transfer)
            .takes::<desk::Transfer>()
            .gives::<desk_view::Desk>(),
        Route::new(post.clone(), "/desk/park", Desk, "Puts the caller aside; the agent is done.", desk::park)
            .gives::<desk_view::Desk>(),
        Route::new(post.clone(), "/desk/fetch", Desk, "Takes a parked caller: the agent's phone rings.", desk::fetch)
            .takes::<desk::OfCall>()
            .gives::<desk_view::Desk>(),
        Route::new(post.clone(), "/desk/back", Desk, "Sends the caller back to a node of the flow.", desk::back)
            .takes::<desk::Back>()
            .gives::<desk_view::Desk>(),
        Route::new(post.clone(), "/desk/consult", Desk, "Asks a colleague while the caller is on hold.", desk::consult)
            .takes::<desk::Transfer>()
            .gives::<desk_view::Desk>(),
        Route::new(
            post.clone(),
            "/desk/consult/end",
            Desk,
            "Hands the caller over to the colleague, or goes back to the caller.",
            desk::end_consult,
        )
        .takes::<desk::ConsultEnd>()
        .gives::<desk_view::Desk>(),
        Route::new(
            post.clone(),
            "/desk/consult/three-way",
            Desk,
            "Brings the caller to the agent and the colleague: all three hear each other.",
            desk::three_way,
        )
        .gives::<desk_view::Desk>(),
        Route::new(post.clone(), "/desk/wrapup", Desk, "Keeps what is to be kept of the call.", desk::wrap_up)
            .takes::<desk::AfterCall>()
            .gives::<desk_view::Desk>(),
        Route::new(post.clone(), "/desk/wrapup/extend", Desk, "A minute more.", desk::extend).gives::<desk_view::Desk>(),
        Route::new(post.clone(), "/desk/abuse", Desk, "A step against abuse.", desk::abuse)
            .takes::<desk::Abuse>()
            .gives::<desk_view::Desk>(),
        Route::new(post.clone(), "/desk/wrong", Desk, "The robot was wrong there.", desk::wrong)
            .takes::<desk::Wrong>()
            .status(StatusCode::NO_CONTENT),
        Route::new(post.clone(), "/desk/draft", Desk, "What became of the draft.", desk::judge_draft)
            .takes::<desk::Judged>()
            .status(StatusCode::NO_CONTENT),
        Route::new(get.clone(), "/desk/history", Desk, "Earlier calls of the caller.", desk::history)
            .asks::<desk::OfCall>()
            .gives::<Vec<desk_view::Earlier>>(),
        Route::new(get.clone(), "/desk/audio/{call}/{utterance}", Desk, "What the caller said, as WAV.", desk::audio),
        Route::new(post.clone(), "/desk/phone/{call}", Desk, PICKS_UP, softphone::pick_up).status(StatusCode::CREATED),
        Route::new(delete, "/desk/phone/{call}/{number}", Desk, "Hangs up the page's phone.", softphone::put_down)
            .asks::<softphone::End>()
            .status(StatusCode::NO_CONTENT),
        Route::new(
            post.clone(),
            "/desk/phone/{call}/{number}/key",
            Desk,
            "Sends a key to the caller's line.",
            softphone::press,
        )
        .takes::<softphone::Key>()
        .status(StatusCode::NO_CONTENT),
        Route::new(get.clone(), "/wall", SUPERVISOR, "Queues, agents and who waits.", floor::show).gives::<wall_view::Wall>(),
        Route::new(post.clone(), "/wall/agents/{name}/presence", SUPERVISOR, "Logs an agent in or out.", floor::set_presence)
            .takes::<desk::NewPresence>()
            .gives::<wall_view::Wall>(),
        Route::new(get.clone(), "/openapi.json", Public, "This description.", openapi::show),
        Route::new(get, "/events", Session, "A WebSocket with everything that changes.", socket::upgrade)
            .asks::<socket::Resume>()
            .status(StatusCode::SWITCHING_PROTOCOLS),
    ]
}

/// The router of the API, to be nested at [`BASE`].
pub(super) fn router(state: &WebState) -> Router<WebState> {
    let add = |router: Router<WebState>, route: Route| {
        let gate = from_fn_with_state((state.clone(), route.access), access::gate);
        router.route(route.path, route.handler.route_layer(gate))
    };
    table()
        .into_iter()
        .fold(Router::new(), add)
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_MAX))
}

async fn no_such_method() -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "not_found", "This cannot be done here.").into_response()
}
