/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include <curl/curl.h>

#include "auth.h"
#include "checks_parts.h"
#include "collector_setup.h"
#include "config_values.h"
#include "ship_endpoint.h"

/* Signatures of AWS are good for five minutes, and points in the future are refused by some. */
#define CLOCK_MOST	60	/* s */

/* The section of the configuration that has the keys of a sink, as messages of the configuration name it. */
static const char *section_of(const struct receiver *receiver, char section[64])
{
	if (receiver->own->sink_name)
		snprintf(section, 64, "sink %s", receiver->own->sink_name);
	else
		strcpy(section, "otlp");
	return section;
}

/* ---- the token ---- */

static const char *credential_header(const struct hadal_ship_config *ship)
{
	for (size_t i = 0; i < ship->header_count; i++)
		if (hadal_header_is_credential(ship->headers[i].name))
			return ship->headers[i].name;
	return NULL;
}

/* Where it comes from, never what it is; "": there is none. */
static void name_token(const struct receiver *receiver, char *text, size_t size)
{
	const struct config *own = receiver->own;
	const char *header = credential_header(&receiver->sink.ship);

	if (own->auth == CONFIG_AUTH_SIGV4)
		snprintf(text, size, "AWS's signature");
	else if (header)
		snprintf(text, size, "the header %.64s", header);
	else if (unless_empty(receiver->sink.ship.token))
		snprintf(text, size, "the token of %.256s", own->token_path ? own->token_path : own->token_origin);
	else if (auth_keeps_token(own))
		snprintf(text, size, "the token that AWS keeps as %.200s",
			 unless_empty(own->token_parameter) ? own->token_parameter : own->token_secret);
	else
		text[0] = '\0';
}

static void mend_token(const struct receiver *receiver, struct finding *finding)
{
	const struct config *own = receiver->own;
	char section[64];

	if (own->auth == CONFIG_AUTH_SIGV4)
		mend_by(finding, "give the instance's role the right to send there: /usr/share/doc/hadal/aws.md lists which");
	else if (auth_keeps_token(own))
		mend_by(finding, "put a token that is good there, and give the instance's role the right to read it: /usr/share/doc/hadal/aws.md lists which");
	else if (own->sink_name)	/* systemd's credential is not for these */
		mend_by(finding, "write a token that is good to the file of %s.token_file, mode 0600 and hadald's own; then: systemctl restart hadald",
			section_of(receiver, section));
	else
		mend_by(finding, "write a token that is good to /etc/credstore/hadal-token, mode 0600, or to the file of otlp.token_file, hadald's own; then: systemctl restart hadald");
}

/* A token's file that this user may not read is no fault of the token's. */
static bool is_hidden(const struct receiver *receiver)
{
	const char *path = unless_empty(receiver->own->token_file);

	return path && access(path, R_OK) && errno == EACCES;
}

/* Of the system examined. False: there is none. */
static bool find_user(const struct host *host, const char *name, uid_t *id)
{
	struct passwd *entry;
	char path[PATH_MAX];
	bool found = false;
	FILE *file;

	host_path(host, path, "/etc/passwd");
	file = fopen(path, "re");
	while (file && !found && (entry = fgetpwent(file))) {
		found = !strcmp(entry->pw_name, name);
		*id = entry->pw_uid;
	}
	if (file)
		fclose(file);
	return found;
}

/* A file for its owner alone that is another's than hadald's is read by root, and not by hadald. */
static bool is_others(const struct host *host, const struct config *own)
{
	struct stat status;
	uid_t user;

	return own->token_path && !own->token_guarded && find_user(host, "hadald", &user) &&
	       !stat(own->token_path, &status) && status.st_uid != user;
}

static void judge_token(const struct probe *probe, const char *name, struct finding *finding)
{
	if (probe->outcome == PROBE_DENIED)
		conclude(finding, VERDICT_BAD, "%s cannot be had: %s", name, probe->trouble);
	else if (probe->outcome != PROBE_ANSWERED)
		conclude(finding, VERDICT_UNKNOWN, "%s; the receiver cannot be asked whether it is good", name);
	else if (probe->status == 401 || probe->status == 403)
		conclude(finding, VERDICT_BAD, "%s: the receiver refuses it with status %ld", name, probe->status);
	else if (probe->status >= 200 && probe->status < 300)
		conclude(finding, VERDICT_GOOD, "%s, and the receiver takes it", name);
	else
		conclude(finding, VERDICT_UNKNOWN, "%s; the receiver answers with status %ld, which does not say whether it is good",
			 name, probe->status);
}

void look_at_token(const struct host *host, struct receiver *receiver, struct finding *finding)
{
	const struct probe *probe;
	char name[320];

	if (!receiver_sends(receiver)) {
		conclude(finding, VERDICT_NOT_NEEDED, "%s sends to nobody", receiver->sink.kind);
		return;
	}
	if (is_hidden(receiver)) {
		conclude(finding, VERDICT_UNKNOWN, "%s is not for this user to read", receiver->own->token_file);
		mend_by(finding, "be root");
		return;
	}
	if (receiver->token_wrong[0]) {
		conclude(finding, VERDICT_BAD, "%s", receiver->token_wrong);
		mend_token(receiver, finding);
		return;
	}
	if (is_others(host, receiver->own)) {
		conclude(finding, VERDICT_BAD, "%s is not the user hadald's, who cannot read it", receiver->own->token_path);
		mend_by(finding, "chown hadald %s; then: systemctl restart hadald", receiver->own->token_path);
		return;
	}
	name_token(receiver, name, sizeof(name));
	probe = receiver_ask(receiver);
	if (name[0])
		judge_token(probe, name, finding);
	else if (probe->outcome == PROBE_ANSWERED && (probe->status == 401 || probe->status == 403))
		conclude(finding, VERDICT_BAD, "none is configured, and the receiver wants one: status %ld", probe->status);
	else
		conclude(finding, VERDICT_NOT_NEEDED, "none is configured");
	if (finding->verdict == VERDICT_BAD)
		mend_token(receiver, finding);
}

/* ---- the endpoint ---- */

/* The host's name in an address, for commands. */
static void host_of(const char *shown, char *name, size_t size)
{
	CURLU *url = curl_url();
	char *part = NULL;

	if (url && curl_url_set(url, CURLUPART_URL, shown, 0) == CURLUE_OK)
		curl_url_get(url, CURLUPART_HOST, &part, 0);
	snprintf(name, size, "%s", part ? part : "HOST");
	curl_free(part);
	curl_url_cleanup(url);
}

static void mend_certificate(const char *trouble, const char *section, struct finding *finding)
{
	if (strstr(trouble, "expired") || strstr(trouble, "not yet valid"))
		mend_by(finding, "have the receiver's certificate renewed; if it is good, this host's clock is wrong: see the finding clock");
	else if (strstr(trouble, "does not match") || strstr(trouble, "no alternative certificate"))
		mend_by(finding, "set %s.endpoint to a name that the receiver's certificate has", section);
	else
		mend_by(finding, "set %s.ca_certificate to the file (PEM) of the authority that has signed the receiver's certificate",
			section);
}

/* By what libcurl says that it failed of. */
static void mend_failure(const struct probe *probe, const char *section, struct finding *finding)
{
	char name[256];

	host_of(probe->shown, name, sizeof(name));
	switch (probe->curl_code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		mend_by(finding, "mend the name in %s.endpoint, or this host's DNS: getent ahosts %s", section, name);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		mend_certificate(probe->trouble, section, finding);
		break;
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		mend_by(finding, "mend the files of %s.ca_certificate, client_certificate and client_key: PEM, readable by hadald", section);
		break;
	case CURLE_SSL_CONNECT_ERROR:
		mend_by(finding, "see whether that port speaks TLS: openssl s_client -connect %s:PORT. If not it is http://, with no token", name);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		mend_by(finding, "let this host out to %s: its security group, the subnet's route and network ACL, a proxy (HTTPS_PROXY in " COLLECTOR_ENVIRONMENT ")", name);
		break;
	default:
		mend_by(finding, "see whether the receiver runs at %s, and whether the port of %s.endpoint is its own", probe->shown,
			section);
		break;
	}
}

static void judge_status(const struct probe *probe, const char *section, struct finding *finding)
{
	const long status = probe->status;

	if (status >= 200 && status < 300) {
		conclude(finding, VERDICT_GOOD, "%s takes an empty request: status %ld", probe->shown, status);
	} else if (status == 401 || status == 403) {
		conclude(finding, VERDICT_GOOD, "%s answers with status %ld: the finding token has it", probe->shown, status);
	} else if (status == 404 || status == 405 || (status >= 300 && status < 400)) {
		conclude(finding, VERDICT_BAD, "%s answers with status %ld: nothing is received at that path", probe->shown, status);
		mend_by(finding, "mend %s.endpoint: /v1/metrics and /v1/logs are added to it; metrics_endpoint, logs_endpoint and the endpoint of remote_write are used as they are",
			section);
	} else if (status >= 500) {
		conclude(finding, VERDICT_BAD, "%s answers with status %ld: the receiver fails", probe->shown, status);
		mend_by(finding, "look into the receiver's own log; hadald keeps what it has in its spool and tries again");
	} else {
		conclude(finding, VERDICT_UNKNOWN, "%s is there, and answers an empty request with status %ld", probe->shown, status);
	}
}

void look_at_endpoint(const struct host *host, struct receiver *receiver, struct finding *finding)
{
	const struct probe *probe;
	char section[64];

	(void)host;
	if (!receiver_sends(receiver)) {
		conclude(finding, VERDICT_NOT_NEEDED, "%s sends to nobody", receiver->sink.kind);
		return;
	}
	section_of(receiver, section);
	probe = receiver_ask(receiver);
	switch (probe->outcome) {
	case PROBE_ANSWERED:
		judge_status(probe, section, finding);
		break;
	case PROBE_FAILED:
		conclude(finding, VERDICT_BAD, "%s: %s (%s)", probe->shown, probe->trouble,
			 curl_easy_strerror((CURLcode)probe->curl_code));
		mend_failure(probe, section, finding);
		break;
	case PROBE_UNSENT:
		conclude(finding, VERDICT_BAD, "%s%s%s", probe->shown, probe->shown[0] ? ": " : "", probe->trouble);
		mend_by(finding, "set %s.endpoint to the receiver's address, of https:// where a token goes along", section);
		break;
	case PROBE_DENIED:
		conclude(finding, VERDICT_UNKNOWN, "%s: not asked, for want of what shows who sends", probe->shown);
		break;
	}
}

/* ---- the clock ---- */

void judge_clock(const struct clock_facts *facts, struct finding *finding)
{
	static const char remedy[] =
		"have it kept by chrony (on AWS from 169.254.169.123): systemctl enable --now chronyd || systemctl enable --now chrony; chronyc makestep";

	if (facts->teller && llabs(facts->ahead) > CLOCK_MOST) {
		conclude(finding, VERDICT_BAD, "this host's clock is %" PRIu64 " s %s that of the receiver of %s",
			 (uint64_t)llabs(facts->ahead), facts->ahead > 0 ? "behind" : "ahead of", facts->teller);
		mend_by(finding, "%s", remedy);
	} else if (facts->kernel == CLOCK_SYNCHRONIZED || facts->teller) {
		conclude(finding, VERDICT_GOOD, "%s%s%s%s",
			 facts->kernel == CLOCK_SYNCHRONIZED ? "kept in time" : "kept by nobody that the kernel knows of",
			 facts->teller ? ", and that of the receiver of " : "", facts->teller ? facts->teller : "",
			 facts->teller ? " is within a minute" : "");
	} else if (facts->kernel == CLOCK_ALONE) {
		conclude(finding, VERDICT_UNKNOWN, "kept by nobody that the kernel knows of, and there is none to compare it with");
		mend_by(finding, "%s", remedy);
	} else {
		conclude(finding, VERDICT_UNKNOWN, "the kernel cannot be asked");
	}
}

void look_at_clock(const struct host *host, struct finding *finding)
{
	struct collector_setup *collector = host->collector;
	struct timex kernel = { .modes = 0 };
	struct clock_facts facts = { .kernel = CLOCK_UNKNOWN };
	const struct probe *probe;

	if (adjtimex(&kernel) >= 0)
		facts.kernel = kernel.status & STA_UNSYNC ? CLOCK_ALONE : CLOCK_SYNCHRONIZED;
	for (size_t i = 0; i < collector->receiver_count && !facts.teller; i++) {
		if (!receiver_sends(&collector->receivers[i]))
			continue;
		probe = receiver_ask(&collector->receivers[i]);
		if (probe->outcome != PROBE_ANSWERED || !probe->dated)
			continue;
		facts.teller = collector->receivers[i].sink.name;
		facts.ahead = probe->ahead;
	}
	judge_clock(&facts, finding);
}
