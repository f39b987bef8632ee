/*
 * An OPC UA server of open62541, which shares no code with the driver: a valve with a setpoint, a position and methods, one
 * variable of each type of number, both security policies. Arguments: certificate and key in DER, the URI in the certificate,
 * then any number of certificates to trust (applications' and users'). Prints its port; then answers each line on standard
 * input with one: `get NAME`, `set NAME VALUE`, `status NAME CODE`, `refuse CODE`.
 */
#include <fcntl.h>
#include <open62541/plugin/accesscontrol_default.h>
#include <open62541/plugin/log_stdout.h>
#include <open62541/server.h>
#include <open62541/server_config_default.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMESPACE "urn:plant:valves"

static UA_UInt16 ns;
static UA_Server *server;
static UA_Double out, position;
static UA_StatusCode position_status, refusal;
static int calls;

static UA_ByteString file(const char *path) {
  UA_ByteString bytes = UA_BYTESTRING_NULL;
  FILE *stream = fopen(path, "rb");
  if (!stream) exit(2);
  fseek(stream, 0, SEEK_END);
  UA_ByteString_allocBuffer(&bytes, (size_t)ftell(stream));
  rewind(stream);
  if (fread(bytes.data, 1, bytes.length, stream) != bytes.length) exit(2);
  fclose(stream);
  return bytes;
}

static UA_NodeId node(const char *name) { return UA_NODEID_STRING(ns, (char *)(uintptr_t)name); }

/* The context of a node is the number that it stands for. */
static UA_StatusCode read_value(UA_Server *s, const UA_NodeId *session, void *session_context, const UA_NodeId *id,
                                void *context, UA_Boolean with_time, const UA_NumericRange *range, UA_DataValue *value) {
  value->hasValue = true;
  UA_Variant_setScalarCopy(&value->value, context, &UA_TYPES[UA_TYPES_DOUBLE]);
  if (context == &position && position_status != UA_STATUSCODE_GOOD) {
    value->hasStatus = true;
    value->status = position_status;
  }
  if (with_time) {
    value->hasSourceTimestamp = true;
    value->sourceTimestamp = UA_DateTime_now();
  }
  return UA_STATUSCODE_GOOD;
}

static UA_StatusCode write_value(UA_Server *s, const UA_NodeId *session, void *session_context, const UA_NodeId *id,
                                 void *context, const UA_NumericRange *range, const UA_DataValue *value) {
  if (refusal != UA_STATUSCODE_GOOD) return refusal;
  if (!UA_Variant_hasScalarType(&value->value, &UA_TYPES[UA_TYPES_DOUBLE])) return UA_STATUSCODE_BADTYPEMISMATCH;
  UA_Double wished = *(UA_Double *)value->value.data;
  if (wished > 100) return UA_STATUSCODE_BADOUTOFRANGE;
  *(UA_Double *)context = wished;
  return UA_STATUSCODE_GOOD;
}

static void add_live(const char *name, UA_Double *held, UA_Byte access) {
  UA_VariableAttributes attributes = UA_VariableAttributes_default;
  attributes.dataType = UA_TYPES[UA_TYPES_DOUBLE].typeId;
  attributes.valueRank = UA_VALUERANK_SCALAR;
  attributes.accessLevel = access;
  UA_DataSource source = {read_value, write_value};
  UA_Server_addDataSourceVariableNode(server, node(name), node("Valve"), UA_NODEID_NUMERIC(0, UA_NS0ID_HASCOMPONENT),
                                      UA_QUALIFIEDNAME(ns, (char *)(uintptr_t)name),
                                      UA_NODEID_NUMERIC(0, UA_NS0ID_BASEDATAVARIABLETYPE), attributes, source, held, NULL);
}

static void add_typed(const char *name, size_t type) {
  UA_VariableAttributes attributes = UA_VariableAttributes_default;
  char zero[16] = {0};
  attributes.dataType = UA_TYPES[type].typeId;
  attributes.valueRank = UA_VALUERANK_SCALAR;
  attributes.accessLevel = UA_ACCESSLEVELMASK_READ | UA_ACCESSLEVELMASK_WRITE;
  UA_Variant_setScalar(&attributes.value, zero, &UA_TYPES[type]);
  UA_Server_addVariableNode(server, node(name), node("Valve"), UA_NODEID_NUMERIC(0, UA_NS0ID_HASCOMPONENT),
                            UA_QUALIFIEDNAME(ns, (char *)(uintptr_t)name), UA_NODEID_NUMERIC(0, UA_NS0ID_BASEDATAVARIABLETYPE),
                            attributes, NULL, NULL);
}

/* Move takes a setpoint and says 0 when it is in range; Open and Close take nothing. */
static UA_StatusCode call(UA_Server *s, const UA_NodeId *session, void *session_context, const UA_NodeId *method, void *context,
                          const UA_NodeId *object, void *object_context, size_t inputs, const UA_Variant *input,
                          size_t outputs, UA_Variant *output) {
  const char *name = context;
  UA_Double wished = !strcmp(name, "Open") ? 100 : 0;
  if (refusal != UA_STATUSCODE_GOOD) return refusal;
  if (!strcmp(name, "Move")) wished = *(UA_Double *)input[0].data;
  UA_Int32 result = wished >= 0 && wished <= 100 ? 0 : 7;
  if (outputs > 0) UA_Variant_setScalarCopy(output, &result, &UA_TYPES[UA_TYPES_INT32]);
  if (result == 0) out = wished;
  calls++;
  return UA_STATUSCODE_GOOD;
}

static void add_method(const char *id, char *name, size_t arguments) {
  UA_MethodAttributes attributes = UA_MethodAttributes_default;
  UA_Argument input, output;
  attributes.executable = attributes.userExecutable = true;
  UA_Argument_init(&input);
  input.name = UA_STRING("to");
  input.dataType = UA_TYPES[UA_TYPES_DOUBLE].typeId;
  input.valueRank = UA_VALUERANK_SCALAR;
  UA_Argument_init(&output);
  output.name = UA_STRING("result");
  output.dataType = UA_TYPES[UA_TYPES_INT32].typeId;
  output.valueRank = UA_VALUERANK_SCALAR;
  UA_Server_addMethodNode(server, node(id), node("Valve"), UA_NODEID_NUMERIC(0, UA_NS0ID_HASCOMPONENT),
                          UA_QUALIFIEDNAME(ns, name), attributes, call, arguments, &input, arguments, &output, name, NULL);
}

static void furnish(void) {
  static const struct { const char *name; size_t type; } types[] = {
      {"Type.Boolean", UA_TYPES_BOOLEAN}, {"Type.SByte", UA_TYPES_SBYTE},   {"Type.Byte", UA_TYPES_BYTE},
      {"Type.Int16", UA_TYPES_INT16},     {"Type.UInt16", UA_TYPES_UINT16}, {"Type.Int32", UA_TYPES_INT32},
      {"Type.UInt32", UA_TYPES_UINT32},   {"Type.Int64", UA_TYPES_INT64},   {"Type.UInt64", UA_TYPES_UINT64},
      {"Type.Float", UA_TYPES_FLOAT},     {"Type.Double", UA_TYPES_DOUBLE}};
  UA_ObjectAttributes object = UA_ObjectAttributes_default;
  /* One more before ours, so that its index is not the one that anybody would guess. */
  UA_Server_addNamespace(server, "urn:plant:other");
  ns = UA_Server_addNamespace(server, NAMESPACE);
  UA_Server_addObjectNode(server, node("Valve"), UA_NODEID_NUMERIC(0, UA_NS0ID_OBJECTSFOLDER),
                          UA_NODEID_NUMERIC(0, UA_NS0ID_ORGANIZES), UA_QUALIFIEDNAME(ns, "Valve"),
                          UA_NODEID_NUMERIC(0, UA_NS0ID_BASEOBJECTTYPE), object, NULL, NULL);
  add_live("Valve.Out", &out, UA_ACCESSLEVELMASK_READ | UA_ACCESSLEVELMASK_WRITE);
  add_live("Valve.In", &position, UA_ACCESSLEVELMASK_READ);
  for (size_t at = 0; at < sizeof types / sizeof *types; at++) add_typed(types[at].name, types[at].type);
  add_method("Valve.Move", "Move", 1);
  add_method("Valve.Open", "Open", 0);
  add_method("Valve.Close", "Close", 0);
}

static void answer(char *line) {
  char name[64] = "";
  double value = 0;
  unsigned code = 0;
  if (sscanf(line, "set %63s %lf", name, &value) == 2) *(strcmp(name, "In") ? &out : &position) = value;
  else if (sscanf(line, "status In %x", &code) == 1) position_status = code;
  else if (sscanf(line, "refuse %x", &code) == 1) refusal = code;
  printf("{\"out\":%.17g,\"in\":%.17g,\"calls\":%d}\n", out, position, calls);
  fflush(stdout);
}

static void policy(UA_ServerConfig *config, char *uri) {
  UA_ServerConfig_addEndpoint(config, UA_STRING(uri), UA_MESSAGESECURITYMODE_SIGN);
  UA_ServerConfig_addEndpoint(config, UA_STRING(uri), UA_MESSAGESECURITYMODE_SIGNANDENCRYPT);
}

int main(int count, char **words) {
  if (count < 4) return 2;
  UA_ByteString certificate = file(words[1]), key = file(words[2]), trusted[8];
  size_t trusts = 0;
  for (int at = 4; at < count && trusts < 8; at++) trusted[trusts++] = file(words[at]);

  UA_ServerConfig config;
  memset(&config, 0, sizeof config);
  config.logging = UA_Log_Stdout_new(getenv("LOUD") ? UA_LOGLEVEL_DEBUG : UA_LOGLEVEL_FATAL);
  if (UA_ServerConfig_setDefaultWithSecurityPolicies(&config, 0, &certificate, &key, trusted, trusts, NULL, 0, NULL, 0)) return 3;
  /* Loopback only, on a port of the system's choice. */
  UA_Array_delete(config.serverUrls, config.serverUrlsSize, &UA_TYPES[UA_TYPES_STRING]);
  UA_String url = UA_STRING("opc.tcp://127.0.0.1:0");
  if (UA_Array_copy(&url, 1, (void **)&config.serverUrls, &UA_TYPES[UA_TYPES_STRING])) return 3;
  config.serverUrlsSize = 1;
  /* Both policies in both modes, and none without security but for discovery. */
  config.endpointsSize = 0;
  config.endpoints = NULL;
  config.securityPolicyNoneDiscoveryOnly = true;
  policy(&config, "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256");
  policy(&config, "http://opcfoundation.org/UA/SecurityPolicy#Aes256_Sha256_RsaPss");
  UA_String_clear(&config.applicationDescription.applicationUri);
  config.applicationDescription.applicationUri = UA_STRING_ALLOC(words[3]);
  for (size_t at = 0; at < config.endpointsSize; at++) {
    UA_String_clear(&config.endpoints[at].server.applicationUri);
    config.endpoints[at].server.applicationUri = UA_STRING_ALLOC(words[3]);
  }
  if (getenv("AT_ONCE")) {
    config.maxNodesPerRead = config.maxNodesPerWrite = config.maxNodesPerMethodCall = (UA_UInt32)atoi(getenv("AT_ONCE"));
    config.maxMonitoredItemsPerCall = (UA_UInt32)atoi(getenv("AT_ONCE"));
  }
  if (getenv("SUBSCRIPTIONS")) config.maxSubscriptions = (UA_UInt32)atoi(getenv("SUBSCRIPTIONS"));
  UA_UsernamePasswordLogin login = {UA_STRING_STATIC("olive"), UA_STRING_STATIC("secret")};
  UA_AccessControl_default(&config, true, NULL, 1, &login);
  config.samplingIntervalLimits.min = config.publishingIntervalLimits.min = 5;
  config.verifyRequestTimestamp = UA_RULEHANDLING_ACCEPT;

  server = UA_Server_newWithConfig(&config);
  if (!server) return 3;
  furnish();
  if (UA_Server_run_startup(server) != UA_STATUSCODE_GOOD) return 4;
  UA_ServerConfig *running = UA_Server_getConfig(server);
  url = running->applicationDescription.discoveryUrlsSize ? running->applicationDescription.discoveryUrls[0] : UA_STRING_NULL;
  printf("{\"url\":\"%.*s\"}\n", (int)url.length, (char *)url.data);
  fflush(stdout);

  char line[256];
  size_t length = 0;
  fcntl(0, F_SETFL, O_NONBLOCK);
  for (;;) {
    UA_Server_run_iterate(server, false);
    struct pollfd input = {0, POLLIN, 0};
    if (poll(&input, 1, 1) <= 0) continue;
    char byte;
    ssize_t got;
    while ((got = read(0, &byte, 1)) == 1) {
      if (byte != '\n' && length < sizeof line - 1) line[length++] = byte;
      else if (byte == '\n') {
        line[length] = 0;
        length = 0;
        answer(line);
      }
    }
    if (got == 0) break;
  }
  UA_Server_run_shutdown(server);
  UA_Server_delete(server);
  return 0;
}
