using Kmem.Abstractions;

[assembly: PluginContract(PluginContractAttribute.Current)]
