/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "json_read.h"

enum { DOCUMENT_VERSION = 1 };

enum field_type {
	FIELD_TEXT,
	FIELD_NUMBER,	/* of as many bits as its place has */
	FIELD_BOOL,
};

/* A member and its place: read and written by the same table. What is empty is left out. */
struct field {
	const char *name;
	enum field_type type;
	size_t offset, size;	/* bytes */
};

#define FIELD(kind_of, member_name, field_type, path) \
	{ member_name, field_type, offsetof(kind_of, path), sizeof(((kind_of *)NULL)->path) }
#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

#define HOST(name, type, path) FIELD(struct document_host, name, type, path)
static const struct field host_fields[] = {
	HOST("host.id", FIELD_TEXT, id),
	HOST("host.name", FIELD_TEXT, name),
	HOST("cloud.account.id", FIELD_TEXT, cloud_account),
	HOST("cloud.region", FIELD_TEXT, cloud_region),
	HOST("cloud.availability_zone", FIELD_TEXT, cloud_zone),
	HOST("net_ns", FIELD_NUMBER, net_ns),
	HOST("ephemeral_low", FIELD_NUMBER, ephemeral_low),
	HOST("ephemeral_high", FIELD_NUMBER, ephemeral_high),
};

#define CONTAINER(name, type, path) FIELD(struct identity_answer, name, type, path)
static const struct field container_fields[] = {
	CONTAINER("container.id", FIELD_TEXT, container_id),
	CONTAINER("container.name", FIELD_TEXT, facts.name),
	CONTAINER("name_in_task", FIELD_TEXT, facts.name_in_task),
	CONTAINER("container.image.name", FIELD_TEXT, facts.image),
	CONTAINER("host_network", FIELD_BOOL, facts.host_network),
	CONTAINER("aws.ecs.task.arn", FIELD_TEXT, facts.task.arn),
	CONTAINER("aws.ecs.task.family", FIELD_TEXT, facts.task.family),
	CONTAINER("aws.ecs.task.revision", FIELD_TEXT, facts.task.revision),
	CONTAINER("aws.ecs.cluster.name", FIELD_TEXT, facts.task.cluster),
	CONTAINER("aws.ecs.service.name", FIELD_TEXT, facts.task.service),
	CONTAINER("cloud.availability_zone", FIELD_TEXT, facts.task.zone),
};

#define EXECUTABLE(name, type, path) FIELD(struct document_executable, name, type, path)
static const struct field executable_fields[] = {
	EXECUTABLE("process.pid", FIELD_NUMBER, tgid),
	EXECUTABLE("start_boottime", FIELD_NUMBER, start_boottime),
	EXECUTABLE("process.executable.path", FIELD_TEXT, path),
};

#define CGROUP(name, type, path) FIELD(struct document_cgroup, name, type, path)
static const struct field cgroup_fields[] = {
	CGROUP("hierarchy", FIELD_NUMBER, hierarchy),
	CGROUP("id", FIELD_NUMBER, id),
	CGROUP("path", FIELD_TEXT, path),
};

#define PORT(name, type, path) FIELD(struct published_port, name, type, path)
static const struct field port_fields[] = {
	PORT("host_port", FIELD_NUMBER, host_port),
	PORT("port", FIELD_NUMBER, port),
	PORT("udp", FIELD_BOOL, udp),
};

static const char *const kinds[] = {
	[DOCUMENT_HOST] = "host", [DOCUMENT_CONTAINER] = "container",
	[DOCUMENT_EXECUTABLE] = "executable", [DOCUMENT_CGROUP] = "cgroup",
	[DOCUMENT_CONFIGURATION] = "configuration",
};

static const char *const results[] = {
	[IDENTITY_FOUND] = "found", [IDENTITY_NOT_FOUND] = "not_found", [IDENTITY_UNAVAILABLE] = "unavailable",
};

/* ---- writing ---- */

static void put(struct json_object *object, const char *name, struct json_object *value)
{
	json_object_object_add(object, name, value);
}

static uint64_t number_at(const void *at, size_t size)
{
	uint16_t of16;
	uint32_t of32;
	uint64_t of64;

	switch (size) {
	case sizeof(of16):
		memcpy(&of16, at, size);
		return of16;
	case sizeof(of32):
		memcpy(&of32, at, size);
		return of32;
	default:
		memcpy(&of64, at, sizeof(of64));
		return of64;
	}
}

static void put_field(struct json_object *object, const struct field *field, const void *base)
{
	const void *at = (const char *)base + field->offset;
	uint64_t number;

	switch (field->type) {
	case FIELD_TEXT:
		if (*(const char *)at)
			put(object, field->name, json_object_new_string(at));
		break;
	case FIELD_NUMBER:
		number = number_at(at, field->size);
		if (number)
			put(object, field->name, json_object_new_uint64(number));
		break;
	case FIELD_BOOL:
		if (*(const bool *)at)
			put(object, field->name, json_object_new_boolean(true));
		break;
	}
}

static void put_fields(struct json_object *object, const struct field *fields, size_t count, const void *base)
{
	for (size_t i = 0; i < count; i++)
		put_field(object, &fields[i], base);
}

static struct json_object *address_json(const struct address *address)
{
	char text[INET6_ADDRSTRLEN];

	/* An IPv4 address comes out as ::ffff:..., which is read as what it was. */
	return json_object_new_string(inet_ntop(AF_INET6, address->bytes, text, sizeof(text)));
}

static void put_addresses(struct json_object *object, const char *name, const struct address *list,
			  unsigned int count)
{
	struct json_object *array = json_object_new_array();

	for (unsigned int i = 0; i < count; i++)
		json_object_array_add(array, address_json(&list[i]));
	put(object, name, array);
}

static void put_ports(struct json_object *object, const struct container_facts *facts)
{
	struct json_object *array = json_object_new_array();

	for (unsigned int i = 0; i < facts->port_count; i++) {
		struct json_object *port = json_object_new_object();

		put_fields(port, port_fields, COUNT_OF(port_fields), &facts->ports[i]);
		put(port, "host_address", address_json(&facts->ports[i].host));
		json_object_array_add(array, port);
	}
	put(object, "ports", array);
}

static void put_container(struct json_object *object, const struct identity_answer *answer)
{
	put(object, "answer", json_object_new_string(results[answer->container]));
	put(object, "task_answer", json_object_new_string(results[answer->task]));
	put_fields(object, container_fields, COUNT_OF(container_fields), answer);
	put_addresses(object, "addresses", answer->facts.addresses, answer->facts.address_count);
	put_addresses(object, "task_addresses", answer->facts.task.addresses, answer->facts.task.address_count);
	put_ports(object, &answer->facts);
}

static void put_host(struct json_object *object, const struct document_host *host)
{
	put_fields(object, host_fields, COUNT_OF(host_fields), host);
	put_addresses(object, "addresses", host->addresses, host->address_count);
}

/* The texts at @offset in @count elements of @size bytes. */
static void put_texts(struct json_object *object, const char *name, const void *list, size_t size, size_t offset,
		      unsigned int count)
{
	struct json_object *array = json_object_new_array();

	for (unsigned int i = 0; i < count; i++)
		json_object_array_add(array, json_object_new_string((const char *)list + i * size + offset));
	put(object, name, array);
}

static void put_networks(struct json_object *object, const char *name, const struct network *list, unsigned int count)
{
	put_texts(object, name, list, sizeof(*list), offsetof(struct network, name), count);
}

static void put_kinds(struct json_object *object, const char *name, const struct proxy_kind *list, unsigned int count)
{
	put_texts(object, name, list, sizeof(*list), offsetof(struct proxy_kind, pattern), count);
}

static void put_configuration(struct json_object *object, const struct document_configuration *configuration)
{
	put_networks(object, "peers.networks", configuration->networks, configuration->network_count);
	put_networks(object, "peers.load_balancers", configuration->balancers, configuration->balancer_count);
	put_kinds(object, "proxies.containers", configuration->proxies, configuration->proxy_count);
	put_kinds(object, "proxies.executables", configuration->proxy_executables,
		  configuration->proxy_executable_count);
}

char *document_write(const struct document *document)
{
	struct json_object *object = json_object_new_object();
	const char *text;
	char *copy;

	put(object, "kind", json_object_new_string(kinds[document->kind]));
	put(object, "version", json_object_new_int(DOCUMENT_VERSION));
	if (document->kind == DOCUMENT_HOST)
		put_host(object, &document->host);
	else if (document->kind == DOCUMENT_CONTAINER)
		put_container(object, &document->container);
	else if (document->kind == DOCUMENT_EXECUTABLE)
		put_fields(object, executable_fields, COUNT_OF(executable_fields), &document->executable);
	else if (document->kind == DOCUMENT_CGROUP)
		put_fields(object, cgroup_fields, COUNT_OF(cgroup_fields), &document->cgroup);
	else
		put_configuration(object, &document->configuration);
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	copy = text ? strdup(text) : NULL;
	json_object_put(object);
	return copy;
}

/* ---- reading ---- */

struct reading {
	const char *kind;
	char *error;
};

__attribute__((format(printf, 2, 3)))
static int refuse(const struct reading *reading, const char *format, ...)
{
	int length = snprintf(reading->error, DOCUMENT_ERROR_SIZE, "%s: ", reading->kind);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reading->error + length, DOCUMENT_ERROR_SIZE - (size_t)length, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int take_text(const struct reading *reading, const struct field *field, struct json_object *value, char *to)
{
	const char *text = json_object_get_string(value);
	size_t length;

	if (!json_object_is_type(value, json_type_string))
		return refuse(reading, "%s is no string", field->name);
	length = (size_t)json_object_get_string_len(value);
	if (length >= field->size || strlen(text) != length)
		return refuse(reading, "%s is longer than %zu bytes or has a NUL", field->name, field->size - 1);
	strcpy(to, text);
	return 0;
}

static int take_number(const struct reading *reading, const struct field *field, struct json_object *value, void *to)
{
	uint64_t number = json_object_get_uint64(value), most = UINT64_MAX >> (64 - 8 * field->size);
	uint16_t of16 = (uint16_t)number;
	uint32_t of32 = (uint32_t)number;

	/* A negative one is read as 0. */
	if (!json_object_is_type(value, json_type_int) || number > most || json_object_get_int64(value) < 0)
		return refuse(reading, "%s is no whole number of %zu bits", field->name, 8 * field->size);
	if (field->size == sizeof(of16))
		memcpy(to, &of16, sizeof(of16));
	else if (field->size == sizeof(of32))
		memcpy(to, &of32, sizeof(of32));
	else
		memcpy(to, &number, sizeof(number));
	return 0;
}

static int take_field(const struct reading *reading, struct json_object *object, const struct field *field, void *base)
{
	void *at = (char *)base + field->offset;
	struct json_object *value;

	if (!json_object_object_get_ex(object, field->name, &value))
		return 0;
	if (field->type == FIELD_TEXT)
		return take_text(reading, field, value, at);
	if (field->type == FIELD_NUMBER)
		return take_number(reading, field, value, at);
	if (!json_object_is_type(value, json_type_boolean))
		return refuse(reading, "%s is neither true nor false", field->name);
	*(bool *)at = json_object_get_boolean(value);
	return 0;
}

static int take_fields(const struct reading *reading, struct json_object *object, const struct field *fields,
		       size_t count, void *base)
{
	int result = 0;

	for (size_t i = 0; i < count && !result; i++)
		result = take_field(reading, object, &fields[i], base);
	return result;
}

static int take_address(const struct reading *reading, struct json_object *value, struct address *address)
{
	if (!json_object_is_type(value, json_type_string) || address_parse(json_object_get_string(value), address))
		return refuse(reading, "what should be an IP address is none");
	return 0;
}

/* The array of that name, at most @limit long; *array is NULL where there is none. */
static int find_array(const struct reading *reading, struct json_object *object, const char *name, size_t limit,
		      struct json_object **array)
{
	*array = NULL;
	if (!json_object_object_get_ex(object, name, array))
		return 0;
	if (!json_object_is_type(*array, json_type_array) || json_object_array_length(*array) > limit)
		return refuse(reading, "%s is no array of at most %zu elements", name, limit);
	return 0;
}

static size_t length_of(struct json_object *array)
{
	return array ? json_object_array_length(array) : 0;
}

static int take_addresses(const struct reading *reading, struct json_object *object, const char *name,
			  struct address *list, unsigned int limit, unsigned int *count)
{
	struct json_object *array;
	int result = find_array(reading, object, name, limit, &array);

	for (*count = 0; !result && *count < length_of(array); ++*count)
		result = take_address(reading, json_object_array_get_idx(array, *count), &list[*count]);
	return result;
}

static int take_port(const struct reading *reading, struct json_object *object, struct published_port *port)
{
	struct json_object *address;
	int result;

	if (!json_object_is_type(object, json_type_object))
		return refuse(reading, "an element of ports is no object");
	result = take_fields(reading, object, port_fields, COUNT_OF(port_fields), port);
	if (!result && json_object_object_get_ex(object, "host_address", &address))
		result = take_address(reading, address, &port->host);
	return result;
}

static int take_ports(const struct reading *reading, struct json_object *object, struct container_facts *facts)
{
	struct json_object *array;
	int result = find_array(reading, object, "ports", CONTAINER_PORTS, &array);

	for (; !result && facts->port_count < length_of(array); facts->port_count++)
		result = take_port(reading, json_object_array_get_idx(array, facts->port_count),
				   &facts->ports[facts->port_count]);
	return result;
}

static int take_result(const struct reading *reading, struct json_object *object, const char *name,
		       enum identity_result *result)
{
	const char *text = json_text(object, name);

	for (size_t i = 0; i < COUNT_OF(results); i++) {
		if (strcmp(text, results[i]) == 0) {
			*result = (enum identity_result)i;
			return 0;
		}
	}
	return refuse(reading, "%s is none of found, not_found, unavailable", name);
}

static int take_container(const struct reading *reading, struct json_object *object, struct identity_answer *answer)
{
	int result = take_fields(reading, object, container_fields, COUNT_OF(container_fields), answer);

	if (!result)
		result = take_result(reading, object, "answer", &answer->container);
	if (!result)
		result = take_result(reading, object, "task_answer", &answer->task);
	if (!result)
		result = take_addresses(reading, object, "addresses", answer->facts.addresses, CONTAINER_ADDRESSES,
					&answer->facts.address_count);
	if (!result)
		result = take_addresses(reading, object, "task_addresses", answer->facts.task.addresses,
					CONTAINER_ADDRESSES, &answer->facts.task.address_count);
	if (!result)
		result = take_ports(reading, object, &answer->facts);
	if (!result && !answer->container_id[0])
		result = refuse(reading, "container.id is missing");
	return result;
}

static int take_host(const struct reading *reading, struct json_object *object, struct document_host *host)
{
	int result = take_fields(reading, object, host_fields, COUNT_OF(host_fields), host);

	if (!result)
		result = take_addresses(reading, object, "addresses", host->addresses, PEERS_HOST_ADDRESSES,
					&host->address_count);
	if (!result && (host->ephemeral_low > host->ephemeral_high || host->ephemeral_high > UINT16_MAX))
		result = refuse(reading, "ephemeral_low and ephemeral_high are no range of ports");
	return result;
}

static int take_network(const char *text, void *to)
{
	return network_parse(text, to);
}

static int take_kind(const char *text, void *to)
{
	return proxy_kind_parse(text, to);
}

/* A member that is an array of texts, each of which @take reads into an element of @size bytes. */
struct texts {
	const char *name, *what;
	int (*take)(const char *text, void *to);
	void *list;
	size_t size;
	unsigned int limit;
	unsigned int *count;
};

static int take_texts(const struct reading *reading, struct json_object *object, const struct texts *texts)
{
	struct json_object *array, *item;
	int result = find_array(reading, object, texts->name, texts->limit, &array);

	for (*texts->count = 0; !result && *texts->count < length_of(array); ++*texts->count) {
		item = json_object_array_get_idx(array, *texts->count);
		if (!json_object_is_type(item, json_type_string) ||
		    texts->take(json_object_get_string(item), (char *)texts->list + *texts->count * texts->size))
			result = refuse(reading, "an element of %s is no %s", texts->name, texts->what);
	}
	return result;
}

static int take_networks(const struct reading *reading, struct json_object *object, const char *name,
			 struct network *list, unsigned int *count)
{
	struct texts texts = { name, "network", take_network, list, sizeof(*list), DOCUMENT_NETWORKS, count };

	return take_texts(reading, object, &texts);
}

static int take_kinds(const struct reading *reading, struct json_object *object, const char *name,
		      struct proxy_kind *list, unsigned int *count)
{
	struct texts texts = { name, "name of proxies", take_kind, list, sizeof(*list), PROXY_KINDS, count };

	return take_texts(reading, object, &texts);
}

static int take_configuration(const struct reading *reading, struct json_object *object,
			      struct document_configuration *configuration)
{
	int result = take_networks(reading, object, "peers.networks", configuration->networks,
				   &configuration->network_count);

	if (!result)
		result = take_networks(reading, object, "peers.load_balancers", configuration->balancers,
				       &configuration->balancer_count);
	if (!result)
		result = take_kinds(reading, object, "proxies.containers", configuration->proxies,
				    &configuration->proxy_count);
	if (!result)
		result = take_kinds(reading, object, "proxies.executables", configuration->proxy_executables,
				    &configuration->proxy_executable_count);
	return result;
}

static enum document_kind kind_of(const char *text)
{
	for (size_t i = DOCUMENT_HOST; i < COUNT_OF(kinds); i++) {
		if (strcmp(text, kinds[i]) == 0)
			return (enum document_kind)i;
	}
	return DOCUMENT_UNKNOWN;
}

static int take_members(const struct reading *reading, struct json_object *object, struct document *document)
{
	switch (document->kind) {
	case DOCUMENT_HOST:
		return take_host(reading, object, &document->host);
	case DOCUMENT_CONTAINER:
		return take_container(reading, object, &document->container);
	case DOCUMENT_EXECUTABLE:
		return take_fields(reading, object, executable_fields, COUNT_OF(executable_fields),
				   &document->executable);
	case DOCUMENT_CGROUP:
		return take_fields(reading, object, cgroup_fields, COUNT_OF(cgroup_fields), &document->cgroup);
	case DOCUMENT_CONFIGURATION:
		return take_configuration(reading, object, &document->configuration);
	default:
		return 0;
	}
}

static int take_document(struct json_object *object, struct document *document, char *error)
{
	struct reading reading = { .kind = json_text(object, "kind"), .error = error };
	struct json_object *version;

	if (!*reading.kind || strlen(reading.kind) > 64) {
		reading.kind = "kind";
		return refuse(&reading, "it is missing, or no short string");
	}
	version = json_member(object, "version", json_type_int);
	if (version && json_object_get_int64(version) == DOCUMENT_VERSION)
		document->kind = kind_of(reading.kind);
	return take_members(&reading, object, document);
}

int document_read(const char *text, size_t length, struct document *document, char error[DOCUMENT_ERROR_SIZE])
{
	struct json_object *object = json_parse_object(text, length);
	int result;

	memset(document, 0, sizeof(*document));
	error[0] = '\0';
	if (!object) {
		snprintf(error, DOCUMENT_ERROR_SIZE, "it is no JSON object");
		return -EINVAL;
	}
	result = take_document(object, document, error);
	json_object_put(object);
	return result;
}
