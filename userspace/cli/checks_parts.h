/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the checks call of each other, and the functions that the table of
 * checks.c names.
 */
#ifndef HADAL_CLI_CHECKS_PARTS_H
#define HADAL_CLI_CHECKS_PARTS_H

#include <stdint.h>

#include "checks.h"

/* ---- checks.c ---- */

__attribute__((format(printf, 3, 4)))
void conclude(struct finding *finding, enum verdict verdict, const char *format, ...);

__attribute__((format(printf, 2, 3)))
void mend_by(struct finding *finding, const char *format, ...);

/* By the distribution's own installer. */
void mend_by_package(const struct host *host, const char *package, struct finding *finding);

bool is_loaded(const struct host *host);

/* ---- checks_kernel.c: whether the kernel is one that the module is for ---- */

void look_at_release(const struct host *host, struct finding *finding);
void look_at_machine(const struct host *host, struct finding *finding);
void look_at_config(const struct host *host, struct finding *finding);
void look_at_taint(const struct host *host, struct finding *finding);

/* ---- checks_build.c: what the module is built with, and what came of it ---- */

void look_at_headers(const struct host *host, struct finding *finding);
void look_at_compiler(const struct host *host, struct finding *finding);
void look_at_make(const struct host *host, struct finding *finding);
void look_at_dkms(const struct host *host, struct finding *finding);
void look_at_dkms_module(const struct host *host, struct finding *finding);
void look_at_installed(const struct host *host, struct finding *finding);

/* It has the module of a version before, since this one's could not be built. */
bool is_left_by_an_upgrade(const struct host *host);

/* Of a module that is there, and no good. */
void mend_by_another_module(const struct host *host, struct finding *finding);

/* ---- checks_module.c: the module's file ---- */

void look_at_vermagic(const struct host *host, struct finding *finding);
void look_at_signature(const struct host *host, struct finding *finding);

/* ---- checks_load.c: what decides whether it is loaded, and whether it is ---- */

void look_at_modules_disabled(const struct host *host, struct finding *finding);
void look_at_enforcement(const struct host *host, struct finding *finding);
void look_at_switch(const struct host *host, struct finding *finding);
void look_at_quarantine(const struct host *host, struct finding *finding);
void look_at_loaded(const struct host *host, struct finding *finding);

/* Why the kernel refuses modules that nobody it trusts has signed; NULL: it does not. */
const char *signature_demand(const struct host *host);
void mend_signature(const struct host *host, struct finding *finding);

/* ---- checks_device.c ---- */

void look_at_device(const struct host *host, struct finding *finding);
void look_at_access(const struct host *host, struct finding *finding);
void look_at_abi(const struct host *host, struct finding *finding);

/* ---- checks_host.c: hadald, and whom it asks on the host ---- */

void look_at_configuration(const struct host *host, struct finding *finding);
void look_at_hadald(const struct host *host, struct finding *finding);
void look_at_docker(const struct host *host, struct finding *finding);
void look_at_ecs_agent(const struct host *host, struct finding *finding);
void look_at_metadata(const struct host *host, struct finding *finding);

/* ---- checks_network.c: receivers ---- */

void look_at_token(const struct host *host, struct receiver *receiver, struct finding *finding);
void look_at_endpoint(const struct host *host, struct receiver *receiver, struct finding *finding);
void look_at_clock(const struct host *host, struct finding *finding);

struct clock_facts {
	enum { CLOCK_UNKNOWN, CLOCK_ALONE, CLOCK_SYNCHRONIZED } kernel;
	const char *teller;	/* who told what time it is; NULL: nobody */
	int64_t ahead;		/* s that their clock is ahead of this host's */
};

void judge_clock(const struct clock_facts *facts, struct finding *finding);

#endif
