/* A stand-in for NVIDIA's driver, libcuda.so.1: it answers that there is no GPU or, where CAPABILITY is set in the
   environment, such as 90 for 9.0, that there is one. It can do nothing else; most functions only say so. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

enum { SUCCESS = 0, NO_DEVICE = 100, NOT_SUPPORTED = 801 };

static int capability(void) {
  const char *text = getenv("CAPABILITY");
  return text ? atoi(text) : 0;
}

static int not_supported(void) { return NOT_SUPPORTED; }

int cuInit(unsigned flags) { return capability() ? SUCCESS : NO_DEVICE; }

int cuDriverGetVersion(int *version) {
  *version = 11080;
  return SUCCESS;
}

int cuDeviceGetCount(int *count) {
  *count = capability() ? 1 : 0;
  return SUCCESS;
}

int cuDeviceGet(int *device, int number) {
  *device = number;
  return capability() && number == 0 ? SUCCESS : 101;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = attribute == 75 ? capability() / 10 : attribute == 76 ? capability() % 10 : 1;
  return SUCCESS;
}

/* CUDA's runtime asks for all functions by name, and gives up where one is not there. */
int cuGetProcAddress(const char *name, void **function, int version, unsigned long long flags) {
  *function = dlsym(RTLD_DEFAULT, name);
  if (*function == NULL) *function = (void *)not_supported;
  return SUCCESS;
}

/* What libmxnet.so itself asks for. */
int cuDevicePrimaryCtxRetain(void) { return NOT_SUPPORTED; }
int cuGetErrorString(void) { return NOT_SUPPORTED; }
int cuGraphKernelNodeGetParams(void) { return NOT_SUPPORTED; }
int cuGraphNodeGetType(void) { return NOT_SUPPORTED; }
int cuLaunchKernel(void) { return NOT_SUPPORTED; }
int cuModuleGetFunction(void) { return NOT_SUPPORTED; }
int cuModuleLoadData(void) { return NOT_SUPPORTED; }
int cuModuleLoadDataEx(void) { return NOT_SUPPORTED; }
int cuModuleUnload(void) { return NOT_SUPPORTED; }
