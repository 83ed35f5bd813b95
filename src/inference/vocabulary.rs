//! The words by which tables and columns say what they are. English, as nearly all schemas are.

/// Persons whose a row is, or who wrote it.
pub(super) const OWNERS: &str = "\
    user owner author account member person people profile uploader uploaded poster posted sender sent from \
    writer written wrote voter follower following followed followee friend customer buyer seller client \
    student teacher patient employee subscriber participant actor player commenter reporter reported \
    requester requested requestor submitter submitted borrower holder guest applicant donor attendee liker \
    login username uid userid act acting blocker blocked muter muted performer visitor registrant payer identity";

/// Persons who made a row.
pub(super) const CREATORS: &str = "\
    created creator added adder inserted made maker started starter opened opener initiated initiator \
    founder founded registered entered recorded contributor contributed";

/// Persons to whom a row is addressed.
pub(super) const RECIPIENTS: &str = "\
    recipient receiver to addressee notified for recip";

/// Persons who did something to a row, and what else a row only points at.
pub(super) const MENTIONS: &str = "\
    approved approver modified modifier updated updater edited editor changed changer assigned assignee \
    assigner assignor reviewed reviewer moderated moderator deleted deleter removed remover locked locker \
    resolved resolver closed closer acknowledged verified verifier granted granter grantor invited inviter \
    referred referrer banned banner published publisher completed handled handler processed processor \
    cancelled canceled rejected accepted checked checker confirmed last latest previous prev current default \
    admin administrator manager managed supervisor operator auditor target subject affected mentioned parent \
    original lead leader activated deactivated suspended triggered featured pinned selected best sponsor \
    impersonated impersonator merged finished archived restored disabled enabled unlocked responsible \
    delegate delegated first next top";

/// Words at the end of a name that mean a person, without anything behind.
pub(super) const PERSONS: &str = "\
    user owner author account member person creator sender recipient receiver assignee assigner editor reviewer \
    approver uploader poster writer voter actor uid userid customer student teacher employee manager \
    reporter moderator friend follower followee by login username participant submitter requester \
    requestor maker starter opener initiator founder contributor modifier updater changer remover deleter locker \
    resolver closer verifier granter grantor grantee inviter invitee referrer banner handler processor checker \
    admin administrator supervisor operator commenter subscriber buyer seller borrower holder guest applicant \
    donor attendee liker blocker muter visitor registrant payer patient addressee pusher merger doer committer \
    tutor instructor trainer coach nurse doctor driver courier agent host organizer organiser attendant \
    responsible delegate";

/// Before `to` these say that a person is meant: `assigned_to`, not `reply_to`.
pub(super) const GIVEN: &str = "\
    assigned addressed sent given shared issued granted delegated charged billed lent loaned sold";

/// Before `by` these say that no person is meant: `order_by`.
pub(super) const ORDERS: &str =
    "order ordered sort sorted group grouped filter filtered index indexed split";

/// Words at the end of a name that say only that it names something.
pub(super) const KEYS: &str = "\
    id ids uuid guid key ref fk pk no num nr oid ptr";

/// Words at the end of a name that say by what it names a person.
pub(super) const NAMES: &str = "\
    name username login email mail handle nick nickname address";

/// Tables in which an application keeps its own books, by a word of their name.
pub(super) const BOOKS: &str = "\
    migration migrations permission permissions setting settings option options config configuration \
    configurations preset presets sequence sequences lock locks cache caches job jobs queue queues schedule \
    schedules scheduler metadata feature features flag flags interwiki l10n locale locales stat stats \
    statistics sitestats plugin plugins extension extensions module modules patch patches updatelog template \
    templates fixture fixtures site sites registry";

/// What shows a picture or holds a document, by a word of a column's name.
pub(super) const SHOWN: &str = "\
    avatar image picture photo cover logo icon thumbnail thumb banner attachment file media upload \
    background header document portrait poster asset blob video audio";

/// Where pictures and documents are, by the last word of a table's name.
pub(super) const HOLDERS: &str = "\
    file media image picture photo upload asset attachment blob document";

/// What is a part of something else, by the last word of a table's name.
pub(super) const PARTS: &str = "\
    blob content text body comment file attachment asset media image photo picture avatar upload address \
    payload data thumbnail video audio credential identity secret session wallet cart bio preference";

/// When something was, by the last word of a column's name.
pub(super) const MOMENTS: &str = "at on date time created updated timestamp since until";

/// What users choose from, by the last word of a table's name.
pub(super) const CATALOGUES: &str = "\
    role type status state category tag country language currency group level plan kind color colour locale \
    timezone zone city region unit genre topic label format license domain instance site theme layout \
    provider client application app product course term priority badge";

/// Of what something consists, by the last word of the name of the table that lists it.
pub(super) const ITEMS: &str = "\
    item line lineitem entry detail position row component ingredient element member content";

/// Rows that hold it in a column of these names, each once, are entries to choose from.
pub(super) const TITLES: &str = "\
    name slug code title label domain identifier";

/// Tables that users share once there are several, by the last word of their name.
pub(super) const CONTAINERS: &str = "\
    category group team organization organisation org workspace space board channel room forum section \
    project tenant company department course class tag label role type status site store shop community \
    server guild club household conversation chat dialog meeting circle collective family crew alliance vault \
    network integration webhook newsletter product plan";

/// Tables that say who takes part in what users share.
pub(super) const MEMBERS: &str = "\
    member membership participant participation collaborator user invitee";

/// What records the states that something else went through, by the last word of a table's name.
pub(super) const VERSIONS: &str = "\
    revision version history historical edit snapshot";

/// What is recorded about something else, by the last word of a table's name.
pub(super) const LOGS: &str = "\
    log logentry audit trail journal";

/// What tells what became of others, by the end of a table's name.
pub(super) const RECORDS: &str =
    "log logging logentry audit trail journal change activity history event feed";

/// What tells from where somebody acted, by a word of a column's name.
pub(super) const TRACES: &str = "ip agent useragent device browser fingerprint";

/// What consists of its versions, by the last word of a table's name.
pub(super) const DOCUMENTS: &str = "page document article note entry wiki paste snippet recipe";

/// What consists of what is said in it, by the last word of a table's name.
pub(super) const TALKS: &str = "thread topic conversation discussion chat dialog";

/// What is said in them.
pub(super) const SAYINGS: &str = "post message reply comment";

/// Persons who have an account or a file of their own, by the last word of a table's name.
pub(super) const ACCOUNTS: &str =
    "user member customer account employee student patient subscriber staff";
