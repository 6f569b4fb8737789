/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a hook to the rings of every session that wants it.
 */
#ifndef HADAL_EMIT_H
#define HADAL_EMIT_H

#include "session.h"

struct task_struct;

/**
 * struct hadal_isn_pair - initial sequence numbers, which make a connection key
 * @known: without it the key is 0
 */
struct hadal_isn_pair {
	u32 client;
	u32 server;
	bool known;
};

/**
 * struct hadal_wanted - what the running sessions ask for, all together
 * @classes: HADAL_CLASS_BIT of each
 * @argv: bytes, of the most curious
 */
struct hadal_wanted {
	u32 classes;
	u32 argv;
};

extern struct hadal_wanted hadal_wanted;

/* Is there a session that gets records of this class? */
static inline bool hadal_class_wanted(enum hadal_class class)
{
	return READ_ONCE(hadal_wanted.classes) & HADAL_CLASS_BIT(class);
}

void hadal_emit_note_sessions(void);
void hadal_emit_process(const struct hadal_record *image, u32 size, u16 type);
void hadal_emit_exec(struct hadal_record_process_exec *image);
void hadal_emit_tcp(struct hadal_record *image, u32 size, u16 type,
		    const struct hadal_isn_pair *isn);
bool hadal_emit_to(struct hadal_session *session, const struct hadal_record *image, u32 size,
		   u16 type);
void hadal_emit_existing(struct hadal_session *session, struct hadal_record_process *image,
			 const struct task_struct *task);
void hadal_emit_tcp_to(struct hadal_session *session, struct hadal_record *image, u32 size,
		       u16 type, const struct hadal_isn_pair *isn);
bool hadal_emit_has_room(struct hadal_session *session, enum hadal_lane lane, u32 size);

#ifdef HADAL_DEBUG
extern atomic64_t hadal_debug_probes;
extern atomic64_t hadal_debug_preemptible;
#endif

#endif /* HADAL_EMIT_H */
