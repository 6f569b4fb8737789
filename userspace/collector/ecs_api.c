/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "ecs_api.h"
#include "ecs_describe.h"
#include "log.h"

#define TARGET_HEADER	"X-Amz-Target: AmazonEC2ContainerServiceV20141113.DescribeTasks"
#define TYPE_HEADER	"Content-Type: application/x-amz-json-1.1"

/* Renewed so long before they end, s, and not at once again where clocks differ; kept so long where no end is told. */
enum { RENEW_BEFORE = 300, KEEP_MIN = 60, KEEP_MAX = 6 * 3600, KEEP_DEFAULT = 900 };

enum wanted_state { WANTED, TOLD, MISSING };

struct wanted_task {
	char region[ECS_REGION_SIZE];
	char cluster[FACT_SIZE];
	char id[HADAL_TASK_ID_SIZE];	/* "": free */
	enum wanted_state state;
	uint64_t used;
	struct task_facts facts;
};

struct ecs_api {
	struct ecs_api_config config;
	struct http *http;
	struct aws_credentials credentials;
	uint64_t renew;		/* when others are to be got */
	uint64_t next;		/* nothing is asked before */
	uint64_t wait;		/* after the last failure; 0: there was none since an answer */
	unsigned int waiting;	/* tasks in state WANTED */
	unsigned int at_once;	/* tasks in one question */
	char told[ECS_ERROR_SIZE];	/* the failure that was logged last */
	struct wanted_task tasks[ECS_API_TASKS];
};

/* What one question is about. */
struct question {
	struct ecs_api *api;
	struct wanted_task *tasks[ECS_DESCRIBE_TASKS];
	unsigned int count;
};

struct ecs_api *ecs_api_new(const struct ecs_api_config *config, const atomic_bool *stop)
{
	struct ecs_api *api = calloc(1, sizeof(*api));

	if (!api)
		return NULL;
	api->config = *config;
	api->at_once = ECS_DESCRIBE_TASKS;
	api->http = http_new(stop);
	if (!api->http) {
		free(api);
		return NULL;
	}
	return api;
}

void ecs_api_free(struct ecs_api *api)
{
	if (!api)
		return;
	aws_wipe_credentials(&api->credentials);
	http_free(api->http);
	free(api);
}

/* ---- what is wanted ---- */

/* From @least to @most. Without randomness hosts ask at once, and are told to come again. */
static uint64_t between(uint64_t least, uint64_t most)
{
	uint32_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return least;
	return least + number % (most - least + 1);
}

static struct wanted_task *find_task(struct ecs_api *api, const char *cluster, const char *id)
{
	for (size_t i = 0; i < ECS_API_TASKS; i++) {
		if (strcmp(api->tasks[i].id, id) == 0 && strcmp(api->tasks[i].cluster, cluster) == 0)
			return &api->tasks[i];
	}
	return NULL;
}

/* A place that is free, or that of who was longest not asked about: an answer, or wanted by nobody. */
static struct wanted_task *find_place(struct ecs_api *api, uint64_t now)
{
	struct wanted_task *oldest = NULL;

	for (size_t i = 0; i < ECS_API_TASKS; i++) {
		struct wanted_task *task = &api->tasks[i];

		if (!task->id[0])
			return task;
		if (task->state == WANTED && now - task->used < ECS_API_STALE)
			continue;
		if (!oldest || task->used < oldest->used)
			oldest = task;
	}
	if (oldest && oldest->state == WANTED)
		api->waiting--;
	return oldest;
}

/* Returns whether there is room. */
static bool note_task(struct ecs_api *api, const char *region, const char *cluster, const char *id, uint64_t now)
{
	struct wanted_task *task = find_place(api, now);
	uint64_t first = now + between(ECS_API_FIRST_MIN, ECS_API_FIRST_MAX);

	if (!task)
		return false;
	memset(task, 0, sizeof(*task));
	strcpy(task->region, region);
	strcpy(task->cluster, cluster);
	strcpy(task->id, id);
	task->used = now;
	if (!api->waiting++ && api->next < first)
		api->next = first;
	return true;
}

enum identity_result ecs_api_task(struct ecs_api *api, const char *region, const char *cluster, const char *id,
				  uint64_t now, struct task_facts *facts, bool *full)
{
	struct wanted_task *task;

	*full = false;
	if (!ecs_is_region(region) || !is_task_id(id) || !*cluster || strlen(cluster) >= FACT_SIZE)
		return IDENTITY_NOT_FOUND;
	task = find_task(api, cluster, id);
	if (!task) {
		*full = !note_task(api, region, cluster, id, now);
		return IDENTITY_UNAVAILABLE;
	}
	task->used = now;
	if (task->state == WANTED)
		return IDENTITY_UNAVAILABLE;
	if (task->state == MISSING)
		return IDENTITY_NOT_FOUND;
	*facts = task->facts;
	return IDENTITY_FOUND;
}

uint64_t ecs_api_due(const struct ecs_api *api)
{
	return api->waiting ? api->next : UINT64_MAX;
}

/* ---- what becomes of a question ---- */

#define NO_CREDENTIALS	"no credentials"
#define NOT_REACHED	"not reached"

static const char *hint_of(const char *error)
{
	static const struct {
		const char *error, *hint;
	} hints[] = {
		{ NOT_REACHED, "no connection, or a certificate that this host does not trust" },
		{ "AccessDeniedException", "the role needs ecs:DescribeTasks" },
		{ "InvalidSignatureException", "if the credentials are right, this host's clock is not" },
		{ "RequestExpired", "this host's clock may be wrong" },
		{ "RequestTimeTooSkewed", "this host's clock is wrong" },
	};

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		if (strcmp(error, hints[i].error) == 0)
			return hints[i].hint;
	}
	return "";
}

/* Once for each kind of failure, until it goes well again. @hint: of what to do about it. */
static void tell_failure(struct ecs_api *api, const char *error, const char *hint)
{
	if (strcmp(api->told, error) == 0)
		return;
	snprintf(api->told, sizeof(api->told), "%s", error);
	log_line(LOG_PRIORITY_WARNING, "the ECS API, to be asked for services of tasks: %s%s%s", error,
		 *hint ? ": " : "", hint);
}

static void back_off(struct ecs_api *api, uint64_t now)
{
	api->wait = api->wait ? 2 * api->wait : ECS_API_WAIT_FIRST;
	if (api->wait > ECS_API_WAIT_MAX)
		api->wait = ECS_API_WAIT_MAX;
	api->next = now + between(api->wait / 2, api->wait);
}

static void take_task(void *context, const char *id, const struct task_facts *facts)
{
	struct question *question = context;

	for (unsigned int i = 0; i < question->count; i++) {
		struct wanted_task *task = question->tasks[i];

		if (strcmp(task->id, id) || task->state != WANTED)
			continue;
		task->facts = *facts;
		task->state = TOLD;
		question->api->waiting--;
	}
}

/* What an answer does not have is not there, whatever it says of why. */
static void settle(struct question *question)
{
	for (unsigned int i = 0; i < question->count; i++) {
		if (question->tasks[i]->state != WANTED)
			continue;
		question->tasks[i]->state = MISSING;
		question->api->waiting--;
	}
}

static void go_on(struct ecs_api *api, uint64_t now)
{
	api->wait = 0;
	api->next = now + ECS_API_SPACING;
	if (!api->waiting)
		api->at_once = ECS_DESCRIBE_TASKS;
}

static bool is_about_tasks(const char *error)
{
	return strcmp(error, "ClusterNotFoundException") == 0 || strcmp(error, "InvalidParameterException") == 0;
}

static bool is_about_credentials(const char *error)
{
	static const char *const errors[] = {
		"ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId",
		"IncompleteSignatureException", "InvalidSignatureException",
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (strcmp(error, errors[i]) == 0)
			return true;
	}
	return false;
}

/* @status: below 0 there was no answer. */
static void name_failure(int status, const struct http_body *body, char error[ECS_ERROR_SIZE])
{
	ecs_error_parse(body->data, body->length, error);
	if (status == -EHOSTUNREACH)
		strcpy(error, NOT_REACHED);
	else if (status < 0)
		snprintf(error, ECS_ERROR_SIZE, "%s", strerror(-status));
	else if (!error[0])
		snprintf(error, ECS_ERROR_SIZE, status == 200 ? "no answer of the API" : "HTTP status %d", status);
}

static void take_refusal(struct question *question, int status, const struct http_body *body, uint64_t now)
{
	struct ecs_api *api = question->api;
	char error[ECS_ERROR_SIZE];

	if (status == -ECANCELED)
		return;
	name_failure(status, body, error);
	if (status == 400 && is_about_tasks(error)) {
		/* One spoils the others: each by itself, till none is wanted. */
		if (question->count == 1)
			settle(question);
		api->at_once = 1;
		go_on(api, now);
		return;
	}
	if (is_about_credentials(error))
		aws_wipe_credentials(&api->credentials);
	tell_failure(api, error, hint_of(error));
	back_off(api, now);
	if (strcmp(error, "AccessDeniedException") == 0)
		api->next = now + between(ECS_API_WAIT_MAX / 2, ECS_API_WAIT_MAX);
}

/* ---- the question ---- */

/* The first that is wanted, and the others of its cluster. */
static void gather(struct ecs_api *api, struct question *question)
{
	*question = (struct question){ .api = api };
	for (size_t i = 0; i < ECS_API_TASKS && question->count < api->at_once; i++) {
		struct wanted_task *task = &api->tasks[i], *first = question->tasks[0];

		if (!task->id[0] || task->state != WANTED)
			continue;
		if (!first || (strcmp(task->cluster, first->cluster) == 0 && strcmp(task->region, first->region) == 0))
			question->tasks[question->count++] = task;
	}
}

static int send_question(const struct question *question, struct http_body *answer)
{
	const struct ecs_api *api = question->api;
	const struct wanted_task *first = question->tasks[0];
	const char *ids[ECS_DESCRIBE_TASKS];
	char url[256];
	struct http_signer signer = { .region = first->region, .service = "ecs", .credentials = &api->credentials };
	struct http_request request = {
		.url = url, .headers = { TYPE_HEADER, TARGET_HEADER }, .signer = &signer, .timeout = ECS_API_TIMEOUT,
	};
	char *text;
	int status;

	for (unsigned int i = 0; i < question->count; i++)
		ids[i] = question->tasks[i]->id;
	text = ecs_describe_request(first->cluster, ids, question->count);
	*answer = (struct http_body){ 0 };
	if (!text)
		return -ENOMEM;
	ecs_api_url(first->region, url, sizeof(url));
	if (api->config.endpoint && *api->config.endpoint)
		request.url = api->config.endpoint;
	request.post = text;
	status = http_send(api->http, &request, answer);
	free(text);
	return status;
}

static void ask(struct ecs_api *api, uint64_t now)
{
	struct question question;
	struct http_body answer;
	int status;

	gather(api, &question);
	status = send_question(&question, &answer);
	if (status == 200 && !ecs_describe_parse(answer.data, answer.length, question.tasks[0]->cluster, take_task,
						 &question)) {
		settle(&question);
		api->told[0] = '\0';
		go_on(api, now);
	} else {
		take_refusal(&question, status, &answer, now);
	}
	http_body_free(&answer);
}

/* ms that they are good for. */
static uint64_t keep_for(const struct aws_credentials *credentials)
{
	time_t left = credentials->expires - time(NULL) - RENEW_BEFORE;

	if (!credentials->expires)
		return KEEP_DEFAULT * 1000ULL;
	if (left < KEEP_MIN)
		return KEEP_MIN * 1000ULL;
	return (left < KEEP_MAX ? (uint64_t)left : (uint64_t)KEEP_MAX) * 1000;
}

static void renew(struct ecs_api *api, uint64_t now)
{
	char why[AWS_ERROR_SIZE];

	if (aws_get_credentials(api->http, &api->config.credentials, &api->credentials, why)) {
		tell_failure(api, NO_CREDENTIALS, why);
		back_off(api, now);
		return;
	}
	api->renew = now + keep_for(&api->credentials);
	api->next = now + ECS_API_SPACING;
}

void ecs_api_turn(struct ecs_api *api, uint64_t now)
{
	if (now < ecs_api_due(api))
		return;
	if (!api->credentials.key[0] || now >= api->renew)
		renew(api, now);
	else
		ask(api, now);
}
