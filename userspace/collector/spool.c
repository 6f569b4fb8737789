// SPDX-License-Identifier: MIT
/* Writing the spool, and its bounds: what the one thread does that appends and ticks. */
#include "spool_own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

enum {
	SEGMENT_BYTES = 8 << 20,
	SEGMENTS_WHOLE = 256,		/* of SEGMENT_BYTES or more; they may be half full, so that there are twice as many */
	SEGMENTS_MAX = 640,		/* each is open, and a process has 1,024 files unless it is told otherwise */
	SEGMENT_SHARE = 32,		/* of the spool's bounds, that a segment has at most */
	SYNC_MS = 1000,
	RETRY_MS = 5000,
	NAMES_MAX = 4096,		/* segments looked for */
};

__attribute__((format(printf, 3, 4)))
static void say(struct hadal_spool *spool, enum hadal_ship_log_level level, const char *format, ...)
{
	char message[512];
	va_list arguments;

	if (!spool->config.say)
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	spool->config.say(spool->config.context, level, message);
}

/* ---- the list of segments ---- */

static void append_segment(struct hadal_spool *spool, struct spool_segment *segment)
{
	pthread_mutex_lock(&spool->lock);
	*spool->last = segment;
	spool->last = &segment->next;
	spool->segments++;
	spool->stats.disk_bytes += segment->size;
	spool->stats.disk_records += segment->count;
	pthread_mutex_unlock(&spool->lock);
}

/* Under the lock. */
static struct spool_segment *detach_first(struct hadal_spool *spool)
{
	struct spool_segment *segment = spool->first;

	spool->first = segment->next;
	if (!spool->first)
		spool->last = &spool->first;
	spool->segments--;
	spool->stats.disk_bytes -= segment->size;
	spool->stats.disk_records -= segment->count;
	if (spool->active == segment)
		spool->active = NULL;
	return segment;
}

/* Frees a segment that is off the list, unless a reader has it in hand: then that one does. */
static void leave_to_readers(struct hadal_spool *spool, struct spool_segment *segment)
{
	bool read;

	pthread_mutex_lock(&spool->lock);
	segment->gone = true;
	read = segment->readers;
	pthread_mutex_unlock(&spool->lock);
	if (!read)
		spool_segment_free(segment);
}

static void remove_file(struct hadal_spool *spool, const struct spool_segment *segment)
{
	/* One that cannot be removed now is found, and read again or released, by the next run. */
	if (spool->directory >= 0)
		unlinkat(spool->directory, segment->name, 0);
}

static void tell_lost(struct hadal_spool *spool, const struct hadal_spool_entry *entry, enum hadal_spool_loss why)
{
	if (spool->config.lost)
		spool->config.lost(spool->config.context, entry, why);
}

/*
 * The active segment was made for a record that could not be written: the next
 * attempt makes it again, by the same name.
 */
static void discard_empty(struct hadal_spool *spool)
{
	struct spool_segment *segment = spool->active, **place = &spool->first;

	if (!segment || segment->count)
		return;
	pthread_mutex_lock(&spool->lock);
	while (*place != segment)
		place = &(*place)->next;
	*place = NULL;
	spool->last = place;
	spool->segments--;
	spool->stats.disk_bytes -= segment->size;
	pthread_mutex_unlock(&spool->lock);
	remove_file(spool, segment);
	leave_to_readers(spool, segment);
}

static void lose_first(struct hadal_spool *spool, enum hadal_spool_loss why)
{
	struct spool_segment *segment;

	for (size_t i = 0; i < spool->first->count; i++)
		tell_lost(spool, &spool->first->slots[i].entry, why);
	pthread_mutex_lock(&spool->lock);
	segment = detach_first(spool);
	pthread_mutex_unlock(&spool->lock);
	remove_file(spool, segment);
	leave_to_readers(spool, segment);
}

/* The oldest of more than @most; returns how many these are. */
static size_t lose_surplus(struct hadal_spool *spool, size_t most)
{
	size_t lost = 0;

	while (spool->segments > most) {
		lose_first(spool, HADAL_SPOOL_FULL);
		lost++;
	}
	return lost;
}

/* ---- records in memory ---- */

static struct memory_record *detach_memory(struct hadal_spool *spool)
{
	struct memory_record *record;

	pthread_mutex_lock(&spool->lock);
	record = spool->first_memory;
	spool->first_memory = record->next;
	if (!spool->first_memory)
		spool->last_memory = &spool->first_memory;
	spool->stats.memory_bytes -= record->record.entry.size;
	spool->stats.memory_records--;
	pthread_mutex_unlock(&spool->lock);
	return record;
}

static void free_memory(struct memory_record *record)
{
	free(record->record.data);
	free(record);
}

static void lose_memory(struct hadal_spool *spool, enum hadal_spool_loss why)
{
	tell_lost(spool, &spool->first_memory->record.entry, why);
	free_memory(detach_memory(spool));
}

static int keep_in_memory(struct hadal_spool *spool, const struct hadal_spool_entry *entry, const uint8_t *data)
{
	struct memory_record *record;

	if (entry->size > spool->config.memory_bytes)
		return -ENOBUFS;
	record = calloc(1, sizeof(*record));
	if (record)
		record->record.data = malloc(entry->size ? entry->size : 1);
	if (!record || !record->record.data) {
		free(record);
		return -ENOMEM;
	}
	record->record.entry = *entry;
	memcpy(record->record.data, data, entry->size);
	while (spool->first_memory && (spool->stats.memory_bytes + entry->size > spool->config.memory_bytes ||
				       spool->stats.memory_records >= spool->config.memory_records))
		lose_memory(spool, HADAL_SPOOL_FULL);
	pthread_mutex_lock(&spool->lock);
	*spool->last_memory = record;
	spool->last_memory = &record->next;
	spool->stats.memory_bytes += entry->size;
	spool->stats.memory_records++;
	pthread_mutex_unlock(&spool->lock);
	return 0;
}

/* ---- the directory ---- */

static void note_trouble(struct hadal_spool *spool, bool on_disk, const char *text)
{
	pthread_mutex_lock(&spool->lock);
	spool->stats.failures += spool->stats.on_disk && !on_disk;
	spool->stats.on_disk = on_disk;
	snprintf(spool->stats.trouble, sizeof(spool->stats.trouble), "%s", text);
	pthread_mutex_unlock(&spool->lock);
}

static void note_owned(struct hadal_spool *spool, bool owned)
{
	pthread_mutex_lock(&spool->lock);
	spool->stats.owned = owned;
	pthread_mutex_unlock(&spool->lock);
}

static void close_directory(struct hadal_spool *spool)
{
	note_owned(spool, false);
	if (spool->lock_file >= 0)
		close(spool->lock_file);
	if (spool->directory >= 0)
		close(spool->directory);
	spool->lock_file = spool->directory = -1;
}

/* The directory is left alone for a while; what comes stays in memory. */
static void give_up(struct hadal_spool *spool, int error)
{
	const char *text = error == -EWOULDBLOCK ? "another hadald uses it" : strerror(-error);
	const bool first = spool->stats.on_disk || !spool->stats.trouble[0];

	discard_empty(spool);
	spool->active = NULL;
	spool->retry_ns = now_ns() + spool->config.retry_ms * 1000000ULL;
	/* It may be another one next time, or none. */
	if (error != -ENOSPC && error != -EDQUOT)
		close_directory(spool);
	note_trouble(spool, false, text);
	if (first)
		say(spool, HADAL_SHIP_WARNING,
		    "spool %s: %s; what waits is kept in memory, up to %zu bytes, until it can be written again",
		    spool->path, text, spool->config.memory_bytes);
}

static int lock_directory(struct hadal_spool *spool)
{
	spool->lock_file = openat(spool->directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (spool->lock_file < 0)
		return -errno;
	return flock(spool->lock_file, LOCK_EX | LOCK_NB) ? -errno : 0;
}

static int open_directory(struct hadal_spool *spool)
{
	int ret;

	if (spool->directory >= 0)
		return 0;
	if (mkdir(spool->path, 0700) && errno != EEXIST)
		return -errno;
	spool->directory = open(spool->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool->directory < 0)
		return -errno;
	ret = lock_directory(spool);
	if (ret)
		close_directory(spool);
	else
		note_owned(spool, true);
	return ret;
}

/* ---- what an earlier run has left ---- */

struct names {
	char (*list)[SPOOL_NAME_SIZE];
	size_t count;
	size_t more;			/* than NAMES_MAX */
	size_t foreign;
	char first_foreign[256];
};

static bool is_ours(const char *name)
{
	return name[0] == '.' || !strcmp(name, "lock") || !strncmp(name, "sink-", 5);
}

static void note_foreign(struct names *names, const char *name)
{
	if (!names->foreign++)
		snprintf(names->first_foreign, sizeof(names->first_foreign), "%s", name);
}

static void take_name(struct names *names, const char *name)
{
	if (!spool_segment_is_name(name)) {
		if (!is_ours(name))
			note_foreign(names, name);
		return;
	}
	if (names->count == NAMES_MAX)
		names->more++;
	else
		memcpy(names->list[names->count++], name, strlen(name) + 1);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int list_names(struct hadal_spool *spool, struct names *names)
{
	const int fd = openat(spool->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!directory) {
		const int ret = -errno;

		if (fd >= 0)
			close(fd);
		return ret;
	}
	while ((entry = readdir(directory)))
		take_name(names, entry->d_name);
	closedir(directory);
	qsort(names->list, names->count, SPOOL_NAME_SIZE, compare_names);
	return 0;
}

/* Returns whether it is the spool's. */
static bool load_segment(struct hadal_spool *spool, const char *name, bool newest)
{
	struct spool_segment *segment;
	uint64_t torn = 0;
	const int ret = spool_segment_load(spool->directory, name, HADAL_SPOOL_RECORDS - spool->stats.disk_records, newest,
					   &segment, &torn);

	if (ret == -EBADMSG)
		return false;
	if (ret) {
		say(spool, HADAL_SHIP_ERROR, "spool %s/%s: %s", spool->path, name, strerror(-ret));
		return true;
	}
	/* A copy of another, say. */
	if (segment->count && segment->slots[0].entry.sequence < spool->next) {
		spool_segment_free(segment);
		return false;
	}
	if (segment->count)
		spool->next = segment->slots[segment->count - 1].entry.sequence + 1;
	spool->stats.torn_bytes += torn;
	if (torn)
		say(spool, HADAL_SHIP_WARNING, "spool %s/%s: %llu bytes at its end are not whole and are passed over",
		    spool->path, name, (unsigned long long)torn);
	append_segment(spool, segment);
	return true;
}

static int scan(struct hadal_spool *spool)
{
	struct names names = { .list = calloc(NAMES_MAX, SPOOL_NAME_SIZE) };
	int ret = names.list ? list_names(spool, &names) : -ENOMEM;
	size_t removed = 0;

	for (size_t i = 0; !ret && i < names.count; i++) {
		if (!load_segment(spool, names.list[i], i + 1 == names.count))
			note_foreign(&names, names.list[i]);
		removed += lose_surplus(spool, SEGMENTS_MAX);
	}
	free(names.list);
	if (ret)
		return ret;
	if (names.more)
		say(spool, HADAL_SHIP_WARNING, "spool %s: %zu files more than %d are not looked at", spool->path, names.more,
		    NAMES_MAX);
	if (removed)
		say(spool, HADAL_SHIP_WARNING, "spool %s: more than %d files: the oldest %zu were removed with what waited in them",
		    spool->path, SEGMENTS_MAX, removed);
	if (names.foreign)
		say(spool, HADAL_SHIP_WARNING,
		    "spool %s: %zu files are not the spool's, '%s' the first; they are left alone", spool->path,
		    names.foreign, names.first_foreign);
	return 0;
}

/* Of a run that began without the directory: its numbers may not be mixed with those of what is there. */
static void tell_unread(struct hadal_spool *spool)
{
	say(spool, HADAL_SHIP_WARNING,
	    "spool %s: it was not there when hadald started; what an earlier run may have left in it is not shipped",
	    spool->path);
}

/* ---- writing ---- */

static bool segment_is_full(const struct hadal_spool *spool, const struct spool_segment *segment, size_t size)
{
	return segment->count && (segment->size + size > spool->segment_bytes ||
				  clock_ns(CLOCK_BOOTTIME) - segment->begun > spool->segment_ns);
}

static int sync_active(struct hadal_spool *spool)
{
	struct spool_segment *segment = spool->active;

	if (!segment || !segment->dirty)
		return 0;
	if (fdatasync(segment->fd))
		return -errno;
	segment->dirty = false;
	return 0;
}

static int new_active(struct hadal_spool *spool, uint64_t sequence)
{
	struct spool_segment *segment;
	int ret = sync_active(spool);

	if (ret)
		return ret;
	lose_surplus(spool, SEGMENTS_MAX - 1);
	ret = spool_segment_create(spool->directory, sequence, spool->run, spool->boot, &segment);
	if (ret)
		return ret;
	if (fsync(spool->directory)) {
		ret = -errno;
		remove_file(spool, segment);
		spool_segment_free(segment);
		return ret;
	}
	append_segment(spool, segment);
	spool->active = segment;
	return 0;
}

static void make_room(struct hadal_spool *spool, size_t size)
{
	while (spool->first && (spool->stats.disk_bytes + size > spool->config.bytes ||
				spool->stats.disk_records >= HADAL_SPOOL_RECORDS))
		lose_first(spool, HADAL_SPOOL_FULL);
}

static int write_record(struct hadal_spool *spool, const struct hadal_spool_entry *entry, const uint8_t *data)
{
	struct spool_slot slot;
	int ret = 0;

	make_room(spool, entry->size);
	if (!spool->active || segment_is_full(spool, spool->active, entry->size))
		ret = new_active(spool, entry->sequence);
	if (ret)
		return ret;
	pthread_mutex_lock(&spool->lock);
	ret = spool_segment_reserve(spool->active);
	pthread_mutex_unlock(&spool->lock);
	if (!ret)
		ret = spool_segment_write(spool->active, entry, data, &slot);
	if (ret)
		return ret;
	pthread_mutex_lock(&spool->lock);
	spool->stats.disk_bytes -= spool->active->size;
	spool_segment_add(spool->active, &slot);
	spool->stats.disk_bytes += spool->active->size;
	spool->stats.disk_records++;
	pthread_mutex_unlock(&spool->lock);
	return 0;
}

/* Writes what is in memory; stops at the first that cannot be written. */
static int write_memory(struct hadal_spool *spool)
{
	while (spool->first_memory) {
		const struct hadal_spool_record *record = &spool->first_memory->record;
		const int ret = write_record(spool, &record->entry, record->data);

		if (ret)
			return ret;
		free_memory(detach_memory(spool));
	}
	return 0;
}

static int try_directory(struct hadal_spool *spool)
{
	const uint64_t held = spool->stats.memory_records;
	int ret = open_directory(spool);

	if (!ret)
		ret = write_memory(spool);
	if (ret)
		return ret;
	say(spool, HADAL_SHIP_INFO, "spool %s: can be written again; so were %llu records that were kept in memory",
	    spool->path, (unsigned long long)held);
	if (!spool->scanned)
		tell_unread(spool);
	spool->scanned = true;
	note_trouble(spool, true, "");
	return 0;
}

int hadal_spool_append(struct hadal_spool *spool, const uint64_t *items, const uint8_t *data, size_t size,
		       uint64_t *sequence)
{
	struct hadal_spool_entry entry = { .time = wall_ns(), .boottime = clock_ns(CLOCK_BOOTTIME), .size = size };
	int ret;

	memcpy(entry.run, spool->run, sizeof(entry.run));
	memcpy(entry.items, items, sizeof(entry.items));
	pthread_mutex_lock(&spool->lock);
	entry.sequence = *sequence = spool->next++;
	pthread_mutex_unlock(&spool->lock);
	if (size > HADAL_SPOOL_RECORD_BYTES || (spool->path && size > spool->config.bytes))
		return -ENOBUFS;
	if (spool->stats.on_disk) {
		ret = write_record(spool, &entry, data);
		if (!ret)
			return 0;
		give_up(spool, ret);
	}
	return keep_in_memory(spool, &entry, data);
}

/* ---- time ---- */

/*
 * How old a segment's newest record is. Within one life of the kernel the time
 * since boot tells, which nobody sets. Of an earlier life only the wall clock is
 * left, which may have been set since: what it says is taken for as much as the
 * kernel has been up, at least.
 */
static uint64_t age_of(const struct hadal_spool *spool, const struct spool_segment *segment)
{
	const struct hadal_spool_entry *newest = &segment->slots[segment->count - 1].entry;
	const uint64_t up = clock_ns(CLOCK_BOOTTIME), wall = wall_ns();

	if (!memcmp(segment->boot, spool->boot, sizeof(spool->boot)))
		return up > newest->boottime ? up - newest->boottime : 0;
	return wall > newest->time && wall - newest->time > up ? wall - newest->time : up;
}

static void drop_old(struct hadal_spool *spool)
{
	const uint64_t age = spool->config.age_ms * 1000000ULL;

	while (spool->first && spool->first != spool->active &&
	       (!spool->first->count || age_of(spool, spool->first) > age))
		lose_first(spool, HADAL_SPOOL_OLD);
	if (spool->first)
		return;
	while (spool->first_memory && clock_ns(CLOCK_BOOTTIME) - spool->first_memory->record.entry.boottime > age)
		lose_memory(spool, HADAL_SPOOL_OLD);
}

static void drop_released(struct hadal_spool *spool)
{
	uint64_t released;

	pthread_mutex_lock(&spool->lock);
	released = spool->released;
	pthread_mutex_unlock(&spool->lock);
	/*
	 * Nobody is told: everybody has read them. While the directory is away they stay in the
	 * list: it may come back with their files, and nobody else removes those in this run.
	 */
	while (spool->directory >= 0 && spool->first && spool->first != spool->active &&
	       !spool_segment_find(spool->first, released)) {
		struct spool_segment *segment;

		pthread_mutex_lock(&spool->lock);
		segment = detach_first(spool);
		pthread_mutex_unlock(&spool->lock);
		remove_file(spool, segment);
		leave_to_readers(spool, segment);
	}
	while (spool->first_memory && spool->first_memory->record.entry.sequence < released)
		free_memory(detach_memory(spool));
}

static void note_oldest(struct hadal_spool *spool)
{
	uint64_t age = 0;

	pthread_mutex_lock(&spool->lock);
	if (spool->first && spool->first->count)
		age = age_of(spool, spool->first);
	else if (spool->first_memory)
		age = clock_ns(CLOCK_BOOTTIME) - spool->first_memory->record.entry.boottime;
	spool->stats.oldest_age_ms = age / 1000000;
	pthread_mutex_unlock(&spool->lock);
}

/* What is written to a file without a name is not there after a restart. */
static int sync_named(struct hadal_spool *spool)
{
	if (spool->active && !spool_segment_linked(spool->active))
		return -ENOENT;
	return sync_active(spool);
}

static void tend_disk(struct hadal_spool *spool, uint64_t now)
{
	int ret = 0;

	if (!spool->stats.on_disk) {
		ret = now < spool->retry_ns ? 0 : try_directory(spool);
	} else if (now >= spool->sync_ns) {
		spool->sync_ns = now + spool->config.sync_ms * 1000000ULL;
		ret = sync_named(spool);
	}
	if (ret)
		give_up(spool, ret);
}

void hadal_spool_tick(struct hadal_spool *spool)
{
	drop_released(spool);
	drop_old(spool);
	if (spool->path)
		tend_disk(spool, now_ns());
	note_oldest(spool);
}

void hadal_spool_flush(struct hadal_spool *spool)
{
	int ret = 0;

	if (!spool->path)
		return;
	drop_released(spool);
	if (!spool->stats.on_disk)
		ret = try_directory(spool);
	if (!ret)
		ret = sync_named(spool);
	if (ret)
		give_up(spool, ret);
}

/* ---- what is asked of it ---- */

uint64_t hadal_spool_end(struct hadal_spool *spool)
{
	uint64_t end;

	pthread_mutex_lock(&spool->lock);
	end = spool->next;
	pthread_mutex_unlock(&spool->lock);
	return end;
}

void hadal_spool_continue(struct hadal_spool *spool, uint64_t sequence)
{
	pthread_mutex_lock(&spool->lock);
	if (sequence > spool->next)
		spool->next = sequence;
	pthread_mutex_unlock(&spool->lock);
}

const char *hadal_spool_path(const struct hadal_spool *spool)
{
	return spool->path;
}

bool hadal_spool_owns(struct hadal_spool *spool)
{
	bool owned;

	pthread_mutex_lock(&spool->lock);
	owned = spool->stats.owned;
	pthread_mutex_unlock(&spool->lock);
	return owned;
}

void hadal_spool_stats(struct hadal_spool *spool, struct hadal_spool_stats *stats)
{
	pthread_mutex_lock(&spool->lock);
	*stats = spool->stats;
	pthread_mutex_unlock(&spool->lock);
}

/* ---- life ---- */

static void read_boot_id(uint8_t *boot)
{
	const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[37] = "";
	size_t digits = 0;

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		close(fd);
	}
	for (const char *c = text; *c && digits < 2 * SPOOL_BOOT_SIZE; c++) {
		static const char all[] = "0123456789abcdef";
		const char *digit = strchr(all, *c);

		if (!digit)
			continue;
		boot[digits / 2] = (uint8_t)(boot[digits / 2] << 4 | (digit - all));
		digits++;
	}
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void set_bounds(struct hadal_spool *spool)
{
	const uint64_t whole = larger(SEGMENT_BYTES, spool->config.bytes / SEGMENTS_WHOLE);

	spool->config.sync_ms = spool->config.sync_ms ?: SYNC_MS;
	spool->config.retry_ms = spool->config.retry_ms ?: RETRY_MS;
	spool->segment_bytes = spool->config.bytes / SEGMENT_SHARE;
	if (spool->segment_bytes > whole)
		spool->segment_bytes = whole;
	spool->segment_ns = spool->config.age_ms * 1000000ULL / SEGMENT_SHARE;
}

static void open_first(struct hadal_spool *spool)
{
	int ret = open_directory(spool);

	if (!ret) {
		ret = scan(spool);
		spool->scanned = !ret;
	}
	if (ret)
		give_up(spool, ret);
	else
		note_trouble(spool, true, "");
}

int hadal_spool_open(const struct hadal_spool_config *config, struct hadal_spool **spool)
{
	struct hadal_spool *made = calloc(1, sizeof(*made));
	int ret = made ? 0 : -ENOMEM;

	if (!ret && config->directory) {
		made->path = strdup(config->directory);
		ret = made->path ? 0 : -ENOMEM;
	}
	if (!ret && getrandom(made->run, sizeof(made->run), 0) != sizeof(made->run))
		ret = -EAGAIN;
	if (ret) {
		if (made)
			free(made->path);
		free(made);
		return ret;
	}
	made->config = *config;
	made->config.directory = made->path;
	made->directory = made->lock_file = -1;
	made->last = &made->first;
	made->last_memory = &made->first_memory;
	pthread_mutex_init(&made->lock, NULL);
	set_bounds(made);
	read_boot_id(made->boot);
	if (made->path)
		open_first(made);
	/* Should the directory come later, what is in it already has lower numbers than what is written then. */
	hadal_spool_continue(made, wall_ns() / 1000000);
	*spool = made;
	return 0;
}

void hadal_spool_close(struct hadal_spool *spool)
{
	if (!spool)
		return;
	sync_active(spool);
	while (spool->first) {
		struct spool_segment *segment = spool->first;

		spool->first = segment->next;
		spool_segment_free(segment);
	}
	while (spool->first_memory) {
		struct memory_record *record = spool->first_memory;

		spool->first_memory = record->next;
		free_memory(record);
	}
	if (spool->lock_file >= 0)
		close(spool->lock_file);
	if (spool->directory >= 0)
		close(spool->directory);
	pthread_mutex_destroy(&spool->lock);
	free(spool->path);
	free(spool);
}
